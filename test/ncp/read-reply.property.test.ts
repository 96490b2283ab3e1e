import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readReply } from '../../lib/ncp/read-reply.ts'

const KINDS = ['accepted', 'refused', 'credentials', 'later', 'unknown']
const httpStatus = fc.integer({ min: 200, max: 599 })
const code = fc.nat({ max: 9_999_999 }).map(String)
const text = fc.stringMatching(/^[a-zA-Z0-9 .:-]{0,40}$/)

const body = fc.oneof(
	fc.string(),
	fc.json(),
	fc.string().map((inner) => `<r>${inner}</r>`),
	fc
		.tuple(
			fc.constantFrom('error', 'responseError', 'r'),
			fc.dictionary(fc.constantFrom('errorCode', 'returnCode', 'message'), fc.anything({ maxDepth: 1 })),
		)
		.map(([root, fields]) =>
			JSON.stringify({ [root]: fields }, (_, value) => (typeof value === 'bigint' ? 1 : value)),
		),
)

describe('readReply', () => {
	it('classifies every status and body, and never throws', () => {
		fc.assert(
			fc.property(httpStatus, body, (status, bytes) => {
				const reply = readReply({ httpStatus: status, headers: {}, body: bytes })
				expect(KINDS).toContain(reply.kind)
				expect(reply.message.length).toBeLessThanOrEqual(80)
			}),
			{ numRuns: 1_000 },
		)
	})

	it('reads the same reply from JSON and from XML', () => {
		fc.assert(
			fc.property(
				httpStatus,
				fc.constantFrom('error', 'responseError', 'aResponse'),
				code,
				text,
				(status, root, value, message) => {
					const names = root === 'error' ? ['errorCode', 'message'] : ['returnCode', 'returnMessage']
					const json = JSON.stringify({
						[root]: { [names[0] as string]: value, [names[1] as string]: message },
					})
					const xml = `<${root}><${names[0]}>${value}</${names[0]}><${names[1]}>${message}</${names[1]}></${root}>`
					const read = (text: string) => readReply({ httpStatus: status, headers: {}, body: text })
					expect(read(xml)).toEqual(read(json))
				},
			),
		)
	})

	it('never reports success for a truncated body', () => {
		const whole = '<aResponse><requestId>r</requestId><returnCode>0</returnCode></aResponse>'
		fc.assert(
			fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
				expect(readReply({ httpStatus: 200, headers: {}, body: whole.slice(0, length) }).kind).toBe('unknown')
			}),
		)
	})
})
