import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { isSignedWebhook } from '../../lib/webhook/signature.ts'

const SECRET = `whsec_${randomBytes(24).toString('base64')}`
const OTHER = `whsec_${randomBytes(32).toString('base64')}`
const BODY = '{"fileName":"20210528"}'
const NOW = Date.UTC(2026, 10, 23)

/** Signed by another implementation of the standard. */
function signed(secret = SECRET, atMs = NOW, body = BODY): Record<string, string> {
	return {
		'webhook-id': 'msg_1',
		'webhook-timestamp': String(Math.floor(atMs / 1000)),
		'webhook-signature': new Webhook(secret).sign('msg_1', new Date(atMs), body),
	}
}

const isTaken = (headers: Record<string, string>, secrets: readonly string[] = [SECRET, OTHER]) =>
	isSignedWebhook({ headers, body: Buffer.from(BODY), nowMs: NOW }, secrets)

describe('isSignedWebhook', () => {
	it('takes what either secret signed, also among several signatures', () => {
		expect(isTaken(signed(SECRET))).toBe(true)
		expect(isTaken(signed(OTHER))).toBe(true)
		const headers = signed()
		headers['webhook-signature'] = `v1a,AAAA v1,AAAA ${headers['webhook-signature']}`
		expect(isTaken(headers)).toBe(true)
	})

	it('takes a secret without its prefix', () => {
		expect(isTaken(signed(), [SECRET.replace('whsec_', '')])).toBe(true)
	})

	it.each([-300_000, -299_000, 299_000, 300_000])('tolerates a clock %i ms off', (offMs) => {
		expect(isTaken(signed(SECRET, NOW + offMs))).toBe(true)
	})

	it.each([
		['nothing', {}],
		['another secret', signed(`whsec_${randomBytes(24).toString('base64')}`)],
		['an old timestamp', signed(SECRET, NOW - 301_000)],
		['a future timestamp', signed(SECRET, NOW + 301_000)],
		['another body', signed(SECRET, NOW, '{}')],
		['another id', { ...signed(), 'webhook-id': 'msg_2' }],
		['a timestamp that is not a number', { ...signed(), 'webhook-timestamp': 'now' }],
		['an empty timestamp', { ...signed(), 'webhook-timestamp': '' }],
		['a signature of half the bytes', { ...signed(), 'webhook-signature': 'v1,AAAA' }],
		['an empty signature', { ...signed(), 'webhook-signature': '' }],
		[
			'an unknown version',
			{ ...signed(), 'webhook-signature': signed()['webhook-signature']?.replace('v1,', 'v2,') ?? '' },
		],
	])('refuses %s', (_name, headers) => {
		expect(isTaken(headers as Record<string, string>)).toBe(false)
	})

	it('refuses everything when there is no secret', () => {
		expect(isTaken(signed(), [])).toBe(false)
	})

	it('takes the vector that the libraries of other languages publish in their tests', () => {
		// https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
		const headers = {
			'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
			'webhook-timestamp': '1614265330',
			'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
		}
		const isVectorTaken = (body: string) =>
			isSignedWebhook({ headers, body: Buffer.from(body), nowMs: 1_614_265_330_000 }, [
				'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
			])
		expect(isVectorTaken('{"test": 2432232314}')).toBe(true)
		expect(isVectorTaken('{"test": 2432232315}')).toBe(false)
	})
})
