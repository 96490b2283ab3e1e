import { describe, expect, it } from 'vitest'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import { type DelayOf, repeatCall } from '../../lib/ncp/repeat-call.ts'
import { replyWith } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 25)
const LOST = { ...toLostReply(true, 'ECONNRESET'), rows: 0 }
const READ = { ...replyWith(200, { r: { returnCode: '0' } }), rows: 7 }

const createOptions = (sleeps: number[] = []) => ({
	clock: createClock(() => NOW),
	credentials: fixedCredentials({ accessKey: 'a', secretKey: 'b' }),
	minCallMs: 1_000,
	sleep: async (ms: number) => sleeps.push(ms),
	random: () => 0.5,
})

/** Repeats an unknown reply once. */
const once = (random: () => number): DelayOf => {
	let repeats = 0
	return ({ kind }) => (kind === 'unknown' && repeats++ === 0 ? random() * 100 : null)
}

describe('repeatCall', () => {
	it('makes the same request again after the delay, and returns what was read of it', async () => {
		const sleeps: number[] = []
		const requests: string[] = []
		const limits: number[] = []
		const call = repeatCall(
			async (request: string, timeoutMs) => {
				limits.push(timeoutMs)
				return requests.push(request) === 1 ? LOST : READ
			},
			once,
			createOptions(sleeps),
		)
		expect(await call('a', 10_000)).toBe(READ)
		expect(requests).toEqual(['a', 'a'])
		expect(sleeps).toEqual([50])
		expect(Math.max(...limits)).toBeLessThanOrEqual(10_000)
	})

	it('counts the repeats of each request apart', async () => {
		let calls = 0
		const call = repeatCall(
			async () => {
				calls++
				return LOST
			},
			once,
			createOptions(),
		)
		expect((await Promise.all([call('a', 10_000), call('b', 10_000)])).map(({ rows }) => rows)).toEqual([
			0, 0,
		])
		expect(calls).toBe(4)
	})

	it('returns the last reply when the delay does not fit into the time', async () => {
		const sleeps: number[] = []
		let calls = 0
		const call = repeatCall(
			async () => {
				calls++
				return LOST
			},
			() => () => 9_500,
			createOptions(sleeps),
		)
		expect(await call('a', 10_000)).toBe(LOST)
		expect([calls, sleeps]).toEqual([1, []])
	})

	it('corrects its clock once, also when nothing may be repeated', async () => {
		const options = createOptions()
		const date = new Date(NOW + 7 * 60_000).toUTCString()
		const skewed = replyWith(401, { error: { errorCode: '200' } }, { date })
		let calls = 0
		const call = repeatCall(
			async () => {
				calls++
				return { ...skewed, signed: { atMs: NOW, keyVersion: 0 } }
			},
			() => () => null,
			options,
		)
		expect((await call('a', 10_000)).kind).toBe('credentials')
		expect(calls).toBe(2)
		expect(options.clock.now()).toBe(NOW + 7 * 60_000)
	})
})
