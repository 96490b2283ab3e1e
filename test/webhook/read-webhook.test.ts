import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../lib/webhook/gateway-event.ts'
import { readIdempotencyKey, readWebhook } from '../../lib/webhook/read-webhook.ts'

const SECRET = `whsec_${randomBytes(24).toString('base64')}`
const OTHER = `whsec_${randomBytes(32).toString('base64')}`
const BODY = '{"fileName":"20210528"}'
const NOW = Date.UTC(2026, 10, 23)

const request = (changes: Partial<HttpRequest> = {}): HttpRequest => ({
	method: 'POST',
	path: '/exports',
	headers: { 'content-type': 'application/json' },
	body: Buffer.from(BODY),
	sourceIp: '127.0.0.1',
	isIamChecked: false,
	id: 'q-1',
	...changes,
})
const readSecrets = async () => [SECRET, OTHER]
const OPEN = { auth: 'none', readSecrets } as const
const statusOf = async (changes: Partial<HttpRequest>, access: Parameters<typeof readWebhook>[1] = OPEN) => {
	const read = await readWebhook(request(changes), access, NOW)
	return read.kind === 'refused' ? read.response.status : 200
}

/** Signed by another implementation of the standard. */
function signed(secret = SECRET, atMs = NOW, body = BODY): Record<string, string> {
	return {
		'content-type': 'application/json',
		'webhook-id': 'msg_1',
		'webhook-timestamp': String(Math.floor(atMs / 1000)),
		'webhook-signature': new Webhook(secret).sign('msg_1', new Date(atMs), body),
	}
}

describe('readWebhook', () => {
	it('passes on JSON as text and a form as an object, with the original body', async () => {
		expect(await readWebhook(request(), OPEN, NOW)).toEqual({
			kind: 'read',
			input: BODY,
			original: BODY,
			isAsync: false,
		})
		const form = {
			headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
			body: Buffer.from('fileName=a+b&x=1&x=2&__proto__=3'),
		}
		expect(await readWebhook(request(form), OPEN, NOW)).toMatchObject({
			input: { fileName: 'a b', x: ['1', '2'], ['__proto__']: '3' },
		})
	})

	it.each([
		[{ path: '/' }, 404],
		[{ path: '/exports/' }, 404],
		[{ path: '/exports/no-such-id', method: 'GET' }, 404],
		[{ path: '/exports/01M84ZA801EW2XZC8GJJ7CTSGN' }, 405],
		[{ method: 'GET' }, 405],
		[{ method: 'DELETE' }, 405],
		[{ body: Buffer.alloc(256 * 1024 + 1, 120) }, 413],
		[{ headers: {} }, 415],
		[{ headers: { 'content-type': 'text/plain' } }, 415],
		[{ headers: { 'content-type': 'application/jsonp' } }, 415],
		[{ headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
		[{ body: Buffer.from([0x7b, 0xff, 0x7d]) }, 400],
		[{ headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' } }, 200],
		[{ body: Buffer.alloc(256 * 1024, 120) }, 200],
	])('answers %o with %i', async (changes, status) => {
		expect(await statusOf(changes)).toBe(status)
	})

	it('reads a form of 50,000 fields in time', async () => {
		const body = Buffer.from(Array.from({ length: 50_000 }, (_, n) => n.toString(36)).join('&'))
		const started = performance.now()
		expect(await statusOf({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })).toBe(
			200,
		)
		expect(performance.now() - started).toBeLessThan(2_000)
	})

	it('answers with a problem document that says what to do', async () => {
		const read = await readWebhook(request({ method: 'PUT' }), OPEN, NOW)
		expect(read).toMatchObject({
			response: { headers: { allow: 'POST', 'content-type': 'application/problem+json' } },
		})
		expect(read.kind === 'refused' && JSON.parse(read.response.body)).toEqual({
			type: 'urn:problem-type:ncp-backup-exporter:method-not-allowed',
			title: 'Method not allowed',
			status: 405,
			detail: 'Send the request with POST.',
			instance: '/exports',
			code: 'METHOD_NOT_ALLOWED',
			retryable: false,
		})
	})

	it.each(['10.0.0.1', '203.0.113.7', '', 'localhost.evil.example'])(
		'refuses calls from %o with authentication "none"',
		async (sourceIp) => {
			expect(await statusOf({ sourceIp })).toBe(401)
		},
	)

	it('accepts a call with "iam" only if the gateway checked IAM', async () => {
		expect(await statusOf({}, { auth: 'iam', readSecrets })).toBe(401)
		expect(await statusOf({ isIamChecked: true }, { auth: 'iam', readSecrets })).toBe(200)
	})

	it('checks route, method and size before it reads any secret', async () => {
		const access = { auth: 'signature', readSecrets: () => Promise.reject(new Error('not now')) } as const
		expect(await statusOf({ path: '/favicon.ico' }, access)).toBe(404)
		expect(await statusOf({ method: 'DELETE' }, access)).toBe(405)
		await expect(readWebhook(request(), access, NOW)).rejects.toThrow('not now')
	})

	describe('with "signature"', () => {
		const access = { auth: 'signature', readSecrets } as const

		it('takes what a secret signed', async () => {
			expect(await statusOf({ headers: signed(SECRET) }, access)).toBe(200)
			expect(await statusOf({ headers: signed(OTHER) }, access)).toBe(200)
		})

		it.each([
			['nothing', { 'content-type': 'application/json' }],
			['another secret', signed(`whsec_${randomBytes(24).toString('base64')}`)],
			['an old timestamp', signed(SECRET, NOW - 301_000)],
			['another body', signed(SECRET, NOW, '{}')],
		])('refuses %s without saying why', async (_name, headers) => {
			const read = await readWebhook(request({ headers }), access, NOW)
			expect(read).toMatchObject({ kind: 'refused', response: { status: 401 } })
			expect(read.kind === 'refused' && JSON.parse(read.response.body).detail).toBe(
				'The request is not authenticated.',
			)
		})
	})
})

it.each([
	['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
	['8e03978e', '8e03978e'],
	['"a \\"b\\" \\\\c"', 'a "b" \\c'],
	['"half', ''],
	['"a";p=1', 'a'],
	['"a", "b"', ''],
	['k,k', ''],
	['', ''],
	[undefined, undefined],
])('reads the Idempotency-Key %o as %o', (header, key) => {
	expect(readIdempotencyKey(header)).toBe(key)
})

it('verifies the signature of a lookup, whose body is empty, like any other', async () => {
	const path = '/exports/01M84ZA801EW2XZC8GJJ7CTSGN'
	const access = { auth: 'signature', readSecrets } as const
	const lookup = (headers: Record<string, string>) =>
		readWebhook(request({ method: 'GET', path, body: Buffer.alloc(0), headers }), access, NOW)
	expect(await lookup(signed(SECRET, NOW, ''))).toEqual({
		kind: 'lookup',
		exportId: '01M84ZA801EW2XZC8GJJ7CTSGN',
	})
	expect(await lookup(signed(SECRET, NOW, 'x'))).toMatchObject({ response: { status: 401 } })
})

it.each([
	[{}, false],
	[{ prefer: 'respond-async' }, true],
	[{ prefer: 'wait=10, Respond-Async; a=b' }, true],
	[{ prefer: 'no-respond-async' }, false],
])('reads from %j whether the caller waits', async (headers, isAsync) => {
	const read = await readWebhook(
		request({ headers: { 'content-type': 'application/json', ...headers } }),
		OPEN,
		NOW,
	)
	expect(read).toMatchObject({ kind: 'read', isAsync })
})
