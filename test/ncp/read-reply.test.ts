import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readReply, toLostReply, toUnsentReply } from '../../lib/ncp/read-reply.ts'
import { classifyCode } from '../../lib/ncp/return-codes.ts'

interface ReplyCase {
	name: string
	httpStatus: number
	contentType: string
	body: string
	expected: Record<string, string>
}

const cases = JSON.parse(
	readFileSync(new URL('../fixtures/replies.json', import.meta.url), 'utf8'),
) as ReplyCase[]

/** Known to the gateway, to the API or to neither. */
const CODES = '0 77 100 200 210 300 400 410 420 430 500 510 900 1000 3000 5001005 5001017 5001269'.split(' ')

const classify = (httpStatus: number, body: string, headers: Record<string, string> = {}) =>
	readReply({ httpStatus, headers, body })

describe('readReply', () => {
	it.each(cases)('reads a documented reply: $name', ({ httpStatus, contentType, body, expected }) => {
		expect(classify(httpStatus, body, { 'content-type': contentType })).toMatchObject(expected)
	})

	const gateway = (errorCode: string) => JSON.stringify({ error: { errorCode, message: 'm' } })
	const api = (returnCode: string) => JSON.stringify({ responseError: { returnCode, returnMessage: 'm' } })
	const own = (returnCode: string) => JSON.stringify({ anyNameResponse: { returnCode, returnMessage: 'm' } })
	it.each([
		['gateway', gateway],
		['api', api],
		['response', own],
	] as const)('means what the code means in its envelope: %s', (envelope, toBody) => {
		for (const code of CODES)
			for (const httpStatus of [200, 400, 418, 429, 500]) {
				const { kind, firstWaitSeconds = null } = classifyCode(envelope, code, httpStatus)
				expect(classify(httpStatus, toBody(code))).toMatchObject({ kind, firstWaitSeconds, envelope, code })
			}
	})

	it.each([
		[200, 'unknown'],
		[302, 'unknown'],
		[408, 'later'],
		[429, 'later'],
		[403, 'refused'],
		[500, 'unknown'],
		[504, 'unknown'],
	])('uses only HTTP %i when the body is unreadable', (httpStatus, kind) => {
		for (const body of [
			'',
			'<html><body>no</body></html>',
			'{"a":',
			'[]',
			'null',
			'{"a":1}',
			'{"x":{"returnCode":""}}',
		]) {
			expect(classify(httpStatus, body)).toMatchObject({ kind, envelope: 'none', code: null })
		}
	})

	it.each([
		['two roots', '{"a":{"returnCode":"0"},"b":{"returnCode":"0"}}'],
		['a repeated code', '<r><returnCode>0</returnCode><returnCode>0</returnCode></r>'],
		['a code that is an object', '{"r":{"returnCode":{"a":1}}}'],
		['a code inherited by name', '{"r":{"__proto__":{"returnCode":"0"}}}'],
		['a success nested deeper', '<a><r><returnCode>0</returnCode></r></a>'],
	])('does not report success for %s', (_name, body) => {
		expect(classify(200, body).kind).toBe('unknown')
	})

	it.each(['-0', '1e-400', '0.0', '0e1'])('does not accept the number %s as code 0', (number) => {
		expect(classify(200, `{"r":{"returnCode":${number}}}`).kind).toBe('unknown')
	})

	it('reads a byte order mark, white space and predefined entities', () => {
		const body = '\uFEFF  <r><returnCode>0</returnCode><returnMessage>a &amp; b</returnMessage></r>'
		expect(classify(200, body)).toMatchObject({ kind: 'accepted', returnMessage: 'a & b' })
	})

	it('refuses a document type, so that no entity is ever expanded', () => {
		const bomb = `<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r><returnCode>0</returnCode><returnMessage>&b;</returnMessage></r>`
		expect(classify(200, bomb)).toMatchObject({ kind: 'unknown', envelope: 'none' })
		expect(classify(200, bomb.replace('DOCTYPE', 'doctype')).kind).toBe('unknown')
	})

	it('cuts NCP’s texts, so that no reply can inflate an outcome', () => {
		const reply = classify(400, api('77').replace('"m"', JSON.stringify('x'.repeat(10_000))))
		expect(reply.message).toHaveLength(80)
		expect(reply.returnMessage).toHaveLength(500)
	})

	it.each([
		[{ 'retry-after': '17' }, 17],
		[{ 'retry-after': 'Mon, 23 Nov 2026 09:31:00 GMT', date: 'Mon, 23 Nov 2026 09:30:00 GMT' }, 60],
		[{ 'retry-after': 'Mon, 23 Nov 2026 09:29:00 GMT', date: 'Mon, 23 Nov 2026 09:30:00 GMT' }, 1],
		[{ 'retry-after': 'Mon, 23 Nov 2026 09:31:00 GMT' }, null],
		[{ 'retry-after': 'soon' }, null],
		[{ 'retry-after': '0' }, 1],
		[{ 'retry-after': '999999999' }, 3_600],
		[{ 'retry-after': '1.5', date: 'Mon, 23 Nov 2026 09:30:00 GMT' }, null],
		[{ 'retry-after': '-5', date: 'Mon, 23 Nov 2026 09:30:00 GMT' }, null],
		[{}, null],
	])('reads Retry-After from %o as %o seconds', (headers, retryAfterSeconds) => {
		expect(classify(429, '', headers as Record<string, string>)).toMatchObject({ retryAfterSeconds })
	})

	it.each([
		[502, '', 'HTTP 502 without a readable body'],
		[502, '<html>', 'HTTP 502 without a readable answer'],
		[200, '{"r":{"returnCode":', 'HTTP 200 without a readable answer'],
		[400, '{"responseError":{"returnCode":"77"}}', 'HTTP 400 without a message'],
		[400, '{"responseError":{"returnCode":"77","returnMessage":"  no  "}}', 'no'],
	])('describes HTTP %i with the body %j as: %s', (httpStatus, body, message) => {
		expect(classify(httpStatus, body).message).toBe(message)
	})

	it('gives a gateway’s code as no return code, and no message of a reply without a code', () => {
		const gateway = '{"error":{"errorCode":"410","message":"Throttle Limited"}}'
		expect(classify(429, gateway)).toMatchObject({
			envelope: 'gateway',
			code: '410',
			returnCode: null,
			returnMessage: null,
			message: 'Throttle Limited',
		})
		expect(classify(500, '{"r":{"returnMessage":"odd"}}')).toMatchObject({
			envelope: 'none',
			returnCode: null,
			returnMessage: null,
			message: 'odd',
		})
	})

	it('takes a byte order mark only at the beginning', () => {
		expect(classify(200, ' \uFEFF{"r":{"returnCode":"0"}}').kind).toBe('accepted')
		expect(classify(200, '{"r":{"returnCode":"\uFEFF0\uFEFF1"}}').code).not.toBe('01')
	})

	it('keeps the trace id and the date of the reply', () => {
		const headers = { 'x-ncp-trace-id': 't-1', date: 'Mon, 23 Nov 2026 09:30:00 GMT' }
		expect(classify(200, '', headers)).toMatchObject({
			traceId: 't-1',
			dateMs: Date.UTC(2026, 10, 23, 9, 30),
		})
		expect(readReply({ httpStatus: 200, headers: { 'x-ncp-trace-id': ['a', 'b'] }, body: '' }).traceId).toBe(
			'a',
		)
		expect(classify(200, '', { 'x-ncp-trace-id': '' }).traceId).toBeNull()
	})
})

describe('toUnsentReply', () => {
	it('says why the key pair cannot be read, and keeps the cause', () => {
		const cause = new Error('the secret is empty')
		const reply = toUnsentReply(cause)
		expect(reply).toMatchObject({
			kind: 'credentials',
			sent: false,
			failure: { code: 'SECRET_UNREADABLE', cause },
		})
		expect(reply.failure?.message).toMatch(/^the key pair cannot be read: /)
	})
})

describe('toLostReply', () => {
	it('is "later" when nothing was sent, "unknown" otherwise', () => {
		expect(toLostReply(false, 'ECONNREFUSED')).toMatchObject({ kind: 'later', sent: false })
		expect(toLostReply(true, 'ECONNRESET')).toMatchObject({ kind: 'unknown', sent: true })
	})
})
