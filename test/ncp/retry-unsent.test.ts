import { describe, expect, it } from 'vitest'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials, rotatingCredentials } from '../../lib/ncp/key-pair.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import { retryUnsent } from '../../lib/ncp/retry-unsent.ts'
import type { Reply } from '../../lib/reply.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { replyWith } from '../fakes.ts'

const PARAMETERS: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1',
	fileName: 'f',
	bucketName: 'abc',
}
const NOW = Date.UTC(2026, 10, 23)

const reply = (httpStatus: number, body: object, dateMs = NOW) =>
	replyWith(httpStatus, body, { date: new Date(dateMs).toUTCString() })
const ACCEPTED = reply(200, { r: { returnCode: '0' } })
const UNAUTHENTICATED = reply(401, { error: { errorCode: '200', message: 'Authentication Failed' } })
const SKEWED = reply(401, { error: { errorCode: '200', message: 'Authentication Failed' } }, NOW + 7 * 60_000)
const FORBIDDEN = reply(401, { error: { errorCode: '210', message: 'Permission Denied' } }, NOW + 7 * 60_000)
const UNSENT = toLostReply(false, 'ECONNREFUSED')
const LOST = toLostReply(true, 'ECONNRESET')

/** Returns the replies in turn, each signed with the current clock and keys; the last one repeats. */
async function callThrough(
	replies: Reply[],
	credentials = fixedCredentials({ accessKey: 'a', secretKey: 'b' }),
	timeoutMs = 10_000,
) {
	const clock = createClock(() => NOW)
	const timestamps: number[] = []
	const sleeps: number[] = []
	const call = retryUnsent(
		async () => {
			timestamps.push(clock.now())
			await credentials.get()
			const answer = replies[Math.min(timestamps.length, replies.length) - 1] as Reply
			return {
				...answer,
				signed: answer.sent ? { atMs: clock.now(), keyVersion: credentials.version() } : null,
			}
		},
		{ clock, credentials, minCallMs: 1_000, sleep: async (ms) => sleeps.push(ms), random: () => 0.5 },
	)
	const result = await call(PARAMETERS, timeoutMs)
	return { result, timestamps, sleeps }
}

describe('retryUnsent', () => {
	it.each([
		['accepted', ACCEPTED],
		['refused', reply(400, { responseError: { returnCode: '5001017' } })],
		['later', reply(429, { error: { errorCode: '410' } })],
		['unknown', LOST],
		['unknown', reply(504, { error: { errorCode: '510' } })],
		['credentials', FORBIDDEN],
		['credentials', UNAUTHENTICATED],
	])('calls once when the reply is %s', async (kind, only) => {
		const { result, timestamps } = await callThrough([only])
		expect(result.kind).toBe(kind)
		expect(timestamps).toHaveLength(1)
	})

	it('repeats a call twice, after a wait, when nothing was sent', async () => {
		expect((await callThrough([UNSENT, UNSENT, ACCEPTED])).result.kind).toBe('accepted')
		const { result, timestamps, sleeps } = await callThrough([UNSENT])
		expect(result).toMatchObject({ kind: 'later', sent: false })
		expect(timestamps).toHaveLength(3)
		expect(sleeps).toEqual([100, 200])
	})

	it('never repeats a call whose reply may have been lost', async () => {
		const { result, timestamps } = await callThrough([UNSENT, LOST, ACCEPTED])
		expect(result).toMatchObject({ kind: 'unknown', sent: true })
		expect(timestamps).toHaveLength(2)
	})

	it('corrects its clock once, using the reply’s date', async () => {
		const { result, timestamps } = await callThrough([SKEWED, ACCEPTED])
		expect(result.kind).toBe('accepted')
		expect(timestamps).toEqual([NOW, NOW + 7 * 60_000])
		expect((await callThrough([SKEWED, UNAUTHENTICATED, ACCEPTED])).timestamps).toHaveLength(2)
	})

	it('reads a rotated key pair once', async () => {
		const rotating = () =>
			rotatingCredentials(
				async () => ({ accessKey: 'old', secretKey: 's' }),
				async () => ({ accessKey: 'new', secretKey: 's' }),
			)
		expect((await callThrough([UNAUTHENTICATED, ACCEPTED], rotating())).result.kind).toBe('accepted')
		expect((await callThrough([UNAUTHENTICATED], rotating())).timestamps).toHaveLength(2)
	})

	it('does not repeat a call when the time left is too short for the wait', async () => {
		const { timestamps, sleeps } = await callThrough([UNSENT], undefined, 1_050)
		expect(timestamps).toHaveLength(1)
		expect(sleeps).toEqual([])
	})

	it('makes no call that has too little time to get its reply', async () => {
		const { result, timestamps } = await callThrough([SKEWED, ACCEPTED], undefined, 900)
		expect(timestamps).toHaveLength(1)
		expect(result).toMatchObject({ kind: 'credentials' })
	})
})

it('corrects the clock once for a whole batch', async () => {
	const clock = createClock(() => NOW)
	const credentials = fixedCredentials({ accessKey: 'a', secretKey: 'b' })
	let calls = 0
	const call = retryUnsent(
		async () => {
			calls++
			const atMs = clock.now()
			await Promise.resolve()
			const isRight = Math.abs(atMs - (NOW + 7 * 60_000)) < 300_000
			return { ...(isRight ? ACCEPTED : SKEWED), signed: { atMs, keyVersion: 0 } }
		},
		{ clock, credentials, minCallMs: 1_000, sleep: async () => undefined, random: Math.random },
	)
	const replies = await Promise.all(Array.from({ length: 10 }, () => call(PARAMETERS, 10_000)))
	expect(replies.map(({ kind }) => kind)).toEqual(Array(10).fill('accepted'))
	expect(calls).toBe(20)
})

it('reads a key pair that was rotated before the first call', async () => {
	let current = 'old'
	const pair = async () => ({ accessKey: current, secretKey: 's' })
	const rotating = rotatingCredentials(pair, () => {
		current = 'new'
		return pair()
	})
	expect((await callThrough([UNAUTHENTICATED, ACCEPTED], rotating)).result.kind).toBe('accepted')
	expect(rotating.version()).toBe(2)
})

it('keeps its time limit when the keys cannot be read again', async () => {
	const hanging = rotatingCredentials(
		async () => ({ accessKey: 'a', secretKey: 's' }),
		() => new Promise(() => undefined),
	)
	const started = performance.now()
	expect((await callThrough([UNAUTHENTICATED], hanging, 1_050)).result.kind).toBe('credentials')
	expect(performance.now() - started).toBeLessThan(1_050)
})
