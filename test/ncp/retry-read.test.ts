import { describe, expect, it } from 'vitest'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import { retryRead } from '../../lib/ncp/retry-read.ts'
import type { Reply } from '../../lib/reply.ts'
import { replyWith } from '../fakes.ts'

const READ = replyWith(200, { r: { returnCode: '0' } })
const LOST = toLostReply(true, 'ECONNRESET')
const UNSENT = toLostReply(false, 'ECONNREFUSED')
const NONSENSE = replyWith(200, 'no')
const THROTTLED = replyWith(429, { error: { errorCode: '410' } })
const comeBackIn = (seconds: number) =>
	replyWith(429, { error: { errorCode: '410' } }, { 'retry-after': String(seconds) })

/** Returns the replies in turn; the last one repeats. */
async function callThrough(replies: Reply[], random = 0.5) {
	const sleeps: number[] = []
	let calls = 0
	const call = retryRead(async (_request: null) => replies[Math.min(++calls, replies.length) - 1] as Reply, {
		clock: createClock(Date.now),
		credentials: fixedCredentials({ accessKey: 'a', secretKey: 'b' }),
		minCallMs: 1_000,
		sleep: async (ms) => sleeps.push(ms),
		random: () => random,
	})
	return { reply: await call(null, 10_000), sleeps, calls }
}

describe('retryRead', () => {
	it.each([
		['lost', LOST],
		['not sent', UNSENT],
		['unreadable', NONSENSE],
	])('repeats a call three times that was %s', async (_name, failure) => {
		expect(await callThrough([failure, failure, failure, READ])).toMatchObject({ reply: READ, calls: 4 })
		expect(await callThrough([failure])).toEqual({ reply: failure, calls: 4, sleeps: [100, 200, 400] })
	})

	it('repeats a call twice that NCP put off, and waits at least half of the delay', async () => {
		expect(await callThrough([THROTTLED, THROTTLED, READ])).toMatchObject({ reply: READ, calls: 3 })
		expect(await callThrough([THROTTLED], 0)).toEqual({ reply: THROTTLED, calls: 3, sleeps: [250, 500] })
		expect((await callThrough([THROTTLED], 1)).sleeps).toEqual([500, 1_000])
	})

	it('waits as long as NCP asks for, when that fits into the time', async () => {
		const { sleeps } = await callThrough([comeBackIn(3), READ])
		expect(sleeps).toEqual([3_375])
		expect(await callThrough([comeBackIn(30), READ])).toMatchObject({ calls: 1, sleeps: [] })
	})

	it.each([
		['read', READ],
		['refused', replyWith(400, { responseError: { returnCode: '5001017' } })],
		['of a key pair without permission', replyWith(401, { error: { errorCode: '210' } })],
	])('calls once when the reply is %s', async (_name, reply) => {
		expect(await callThrough([reply])).toEqual({ reply, calls: 1, sleeps: [] })
	})
})
