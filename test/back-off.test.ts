import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BackOff, backOffSeconds, MAX_BACK_OFF_SECONDS } from '../lib/back-off.ts'

const wait = (changes: Partial<BackOff>) =>
	backOffSeconds({
		code: 'NCP_LATER',
		replyCode: null,
		retryAfterSeconds: null,
		receiveCount: 1,
		random: 0.999,
		...changes,
	})

describe('backOffSeconds', () => {
	it.each([
		[1, 10],
		[2, 20],
		[3, 40],
		[5, 160],
	])('waits, after receive %i, up to %i seconds', (receiveCount, seconds) => {
		expect(wait({ receiveCount })).toBe(seconds)
		expect(wait({ receiveCount, random: 0 })).toBe(1)
	})

	it.each([
		[{ replyCode: 'gateway/400' }, 300],
		[{ replyCode: 'api/5001005' }, 60],
		[{ replyCode: 'response/5001005' }, 60],
		[{ replyCode: 'api/400' }, 10],
		[{ code: 'NCP_CREDENTIALS' }, 60],
		[{ code: 'PUBLISH_FAILED' }, 2],
		[{ code: 'DEADLINE_NEAR' }, 2],
	] as const)('knows what passes slowly and what does not: %j', (changes, seconds) => {
		expect(wait(changes)).toBe(seconds)
	})

	it('waits at least as long as NCP asks', () => {
		expect(wait({ retryAfterSeconds: 500, random: 0 })).toBe(501)
	})

	it('looks soon whether another delivery has ended, and then waits for its whole lease', () => {
		const inProgress = { code: 'IN_PROGRESS', retryAfterSeconds: 84 } as const
		expect(wait({ ...inProgress, receiveCount: 1 })).toBe(5)
		expect(wait({ ...inProgress, receiveCount: 2, random: 0 })).toBe(85)
	})

	it('is a whole number of seconds, never 0, never more than SQS allows', () => {
		fc.assert(
			fc.property(
				fc.double({ min: 0, max: 0.999_999, noNaN: true }),
				fc.integer({ min: -1, max: 1_000_000 }),
				fc.option(fc.nat()),
				(random, receiveCount, retryAfterSeconds) => {
					const seconds = wait({ random, receiveCount, retryAfterSeconds, replyCode: 'gateway/400' })
					expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_BACK_OFF_SECONDS).toBe(true)
				},
			),
		)
	})
})
