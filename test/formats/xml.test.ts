import { describe, expect, it } from 'vitest'
import { parseXml } from '../../lib/formats/xml.ts'

const REPLY = { responseError: { returnCode: '5001005' } }

describe('parseXml', () => {
	it.each([
		[
			'a processing instruction',
			'<?xml version="1.0"?><?xml-stylesheet href="a"?><responseError><returnCode>5001005</returnCode></responseError>',
			REPLY,
		],
		[
			'a namespace',
			'<n:responseError xmlns:n="u"><n:returnCode>5001005</n:returnCode></n:responseError>',
			REPLY,
		],
		['numeric references', '<responseError><returnCode>500100&#53;</returnCode></responseError>', REPLY],
		[
			'many entities',
			`<responseError><returnCode>5001005</returnCode><returnMessage>${'&quot;'.repeat(5_000)}</returnMessage></responseError>`,
			{ responseError: { ...REPLY.responseError, returnMessage: '"'.repeat(5_000) } },
		],
		['CDATA', '<responseError><returnCode><![CDATA[5001005]]></returnCode></responseError>', REPLY],
		[
			'a comment after the root',
			'<responseError><returnCode>5001005</returnCode></responseError> <!-- end -->\n',
			REPLY,
		],
		['an attribute', '<responseError a="1"><returnCode b="2">5001005</returnCode></responseError>', REPLY],
	])('reads XML with %s', (_name, text, document) => {
		expect(parseXml(text)).toEqual(document)
	})

	it.each(['0012', '1e3', '-0', 'true', '0x10'])('keeps %j as text', (value) => {
		expect(parseXml(`<r><id>${value}</id></r>`)).toEqual({ r: { id: value } })
	})

	it('makes a list of an element that is repeated, and of no other', () => {
		expect(parseXml('<r><a>1</a><b>2</b><a>3</a></r>')).toEqual({ r: { a: ['1', '3'], b: '2' } })
	})

	it('reads predefined entities', () => {
		expect(parseXml('<r>a &amp; b &lt;c&gt;</r>')).toEqual({ r: 'a & b <c>' })
	})

	it.each([
		['text', 'hello'],
		['nothing', ''],
		['an element that is not closed', '<r><a>1</a>'],
		['elements that overlap', '<r><a><b></a></b></r>'],
		['half a tag', '<r><a>1</'],
		['two roots', '<r>1</r><s>2</s>'],
		['a second root that is empty', '<r>1</r><s/>'],
		['a second, empty root of the same name', '<r>1</r><r/>'],
		['CDATA outside the root', '<r>1</r><![CDATA[x]]>'],
	])('throws for %s', (_name, text) => {
		expect(() => parseXml(text)).toThrow(Error)
	})

	it('refuses a document type, so that no entity is ever expanded', () => {
		const bomb = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r>&b;</r>'
		expect(() => parseXml(bomb)).toThrow('a document type is not allowed')
		expect(() => parseXml(bomb.replace('DOCTYPE', 'doctype'))).toThrow('a document type is not allowed')
	})
})
