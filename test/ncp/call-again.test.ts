import { describe, expect, it } from 'vitest'
import { callAgain } from '../../lib/ncp/call-again.ts'
import { createClock } from '../../lib/ncp/clock.ts'
import { fixedCredentials, type KeyPair, rotatingCredentials } from '../../lib/ncp/credentials.ts'
import { classifyReply, type Reply, toLostReply } from '../../lib/ncp/reply.ts'

const PARAMETERS = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'abc' }
const NOW = Date.UTC(2026, 10, 23)

const reply = (httpStatus: number, body: object, dateMs = NOW) =>
	classifyReply({ httpStatus, headers: { date: new Date(dateMs).toUTCString() }, body: JSON.stringify(body) })
const ACCEPTED = reply(200, { r: { returnCode: '0' } })
const UNAUTHENTICATED = reply(401, { error: { errorCode: '200', message: 'Authentication Failed' } })
const SKEWED = reply(401, { error: { errorCode: '200', message: 'Authentication Failed' } }, NOW + 7 * 60_000)
const FORBIDDEN = reply(401, { error: { errorCode: '210', message: 'Permission Denied' } }, NOW + 7 * 60_000)
const UNSENT = toLostReply(false, 'ECONNREFUSED')
const LOST = toLostReply(true, 'ECONNRESET')

/** Answers with the replies in turn; the last one stays. */
async function callThrough(
	replies: Reply[],
	credentials = fixedCredentials({ accessKey: 'a', secretKey: 'b' }),
	timeoutMs = 10_000,
) {
	const clock = createClock(() => NOW)
	const timestamps: number[] = []
	const sleeps: number[] = []
	const call = callAgain(
		async () => {
			timestamps.push(clock.now())
			await credentials.get()
			return replies[Math.min(timestamps.length, replies.length) - 1] as Reply
		},
		{ clock, credentials, sleep: async (ms) => sleeps.push(ms), random: () => 0.5 },
	)
	const result = await call(PARAMETERS, timeoutMs)
	return { result, timestamps, sleeps }
}

describe('callAgain', () => {
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

	it('begins again twice, after a wait, what never left', async () => {
		expect((await callThrough([UNSENT, UNSENT, ACCEPTED])).result.kind).toBe('accepted')
		const { result, timestamps, sleeps } = await callThrough([UNSENT])
		expect(result).toEqual(UNSENT)
		expect(timestamps).toHaveLength(3)
		expect(sleeps).toEqual([100, 200])
	})

	it('never calls again once a reply may have been lost', async () => {
		const { result, timestamps } = await callThrough([UNSENT, LOST, ACCEPTED])
		expect(result).toEqual(LOST)
		expect(timestamps).toHaveLength(2)
	})

	it('corrects its clock once by the reply’s date', async () => {
		const { result, timestamps } = await callThrough([SKEWED, ACCEPTED])
		expect(result.kind).toBe('accepted')
		expect(timestamps).toEqual([NOW, NOW + 7 * 60_000])
		expect((await callThrough([SKEWED, UNAUTHENTICATED, ACCEPTED])).timestamps).toHaveLength(2)
	})

	it('reads a rotated pair once', async () => {
		const rotating = () =>
			rotatingCredentials(
				async () => ({ accessKey: 'old', secretKey: 's' }),
				async () => ({ accessKey: 'new', secretKey: 's' }),
			)
		expect((await callThrough([UNAUTHENTICATED, ACCEPTED], rotating())).result.kind).toBe('accepted')
		expect((await callThrough([UNAUTHENTICATED], rotating())).timestamps).toHaveLength(2)
	})

	it('begins nothing that the time left would not let it wait for', async () => {
		const { timestamps, sleeps } = await callThrough([UNSENT], undefined, 50)
		expect(timestamps).toHaveLength(1)
		expect(sleeps).toEqual([])
	})

	it('returns the reply when the time is up', async () => {
		const { result } = await callThrough([SKEWED], undefined, 0)
		expect(result).toEqual(SKEWED)
	})
})

describe('createClock', () => {
	it('is set by the gateway’s, again and again, when it is more than a minute off', () => {
		let nowMs = NOW
		const clock = createClock(() => nowMs)
		expect(clock.correct(NOW + 59_999)).toBe(false)
		expect(clock.correct(NOW + 420_000)).toBe(true)
		expect(clock.now()).toBe(NOW + 420_000)
		nowMs += 420_000
		expect(clock.correct(NOW + 420_000)).toBe(true)
		expect(clock.now()).toBe(NOW + 420_000)
	})
})

describe('rotatingCredentials', () => {
	const pair = (name: string): KeyPair => ({ accessKey: name, secretKey: 's' })

	it('knows that another call has read the new pair already', async () => {
		let reads = 0
		const credentials = rotatingCredentials(
			async () => pair('old'),
			async () => pair(`new-${++reads}`),
		)
		await credentials.get()
		const version = credentials.version()
		expect(await credentials.refresh(version)).toBe(true)
		expect(await credentials.refresh(version)).toBe(true)
		expect(reads).toBe(1)
	})

	it('says no when the pair is the same, or cannot be read', async () => {
		const same = rotatingCredentials(
			async () => pair('a'),
			async () => pair('a'),
		)
		await same.get()
		expect(await same.refresh(same.version())).toBe(false)
		const broken = rotatingCredentials(
			async () => pair('a'),
			() => Promise.reject(new Error('down')),
		)
		await broken.get()
		expect(await broken.refresh(broken.version())).toBe(false)
	})

	it('has only one pair when it is fixed', async () => {
		expect(await fixedCredentials(pair('a')).refresh(0)).toBe(false)
	})
})
