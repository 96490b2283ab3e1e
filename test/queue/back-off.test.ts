import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, ExportError, type ExportErrorOptions } from '../../lib/errors.ts'
import { classifyCode } from '../../lib/ncp/return-codes.ts'
import { backOffSeconds, MAX_BACK_OFF_SECONDS, receivesFor } from '../../lib/queue/back-off.ts'

interface Wait extends ExportErrorOptions {
	code?: ErrorCode
	receiveCount?: number
	random?: number
}

const wait = ({ code = 'NCP_LATER', receiveCount = 1, random = 0.999, ...options }: Wait) =>
	backOffSeconds({ error: new ExportError(code, '', options), receiveCount, random })

describe('backOffSeconds', () => {
	it.each([
		[1, 10],
		[2, 20],
		[3, 40],
		[5, 160],
		[8, 900],
		[1_000, 900],
	])('waits, after receive %i, at most %i seconds and at least half of that', (receiveCount, seconds) => {
		expect(wait({ receiveCount })).toBe(seconds)
		expect(wait({ receiveCount, random: 0 })).toBe(seconds / 2)
	})

	it.each([
		[classifyCode('gateway', '400', 429), 300],
		[classifyCode('api', '5001005', 400), 60],
		[classifyCode('response', '5001005', 400), 60],
		[classifyCode('gateway', '410', 429), 10],
		[{ code: 'NCP_CREDENTIALS' }, 60],
		[{ code: 'PUBLISH_FAILED' }, 2],
		[{ code: 'DEADLINE_NEAR' }, 2],
	] as [Wait, number][])('waits longer for slow failures than for short ones: %j', (changes, seconds) => {
		expect(wait(changes)).toBe(seconds)
	})

	it('waits at least as long as NCP asks', () => {
		expect(wait({ retryAfterSeconds: 500, random: 0 })).toBe(505)
	})

	it('waits briefly for another delivery at first, and then for its whole lease', () => {
		const inProgress = { code: 'IN_PROGRESS', retryAfterSeconds: 84 } as const
		expect(wait({ ...inProgress, receiveCount: 1 })).toBe(5)
		expect(wait({ ...inProgress, receiveCount: 2, random: 0 })).toBe(89)
	})

	it('returns a whole number of seconds, never 0 and never more than a quarter of an hour', () => {
		fc.assert(
			fc.property(
				fc.double({ min: 0, max: 0.999_999, noNaN: true }),
				fc.integer({ min: -1, max: 1_000_000 }),
				fc.option(fc.nat()),
				(random, receiveCount, retryAfterSeconds) => {
					const seconds = wait({ random, receiveCount, retryAfterSeconds, firstWaitSeconds: 300 })
					expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_BACK_OFF_SECONDS).toBe(true)
				},
			),
		)
	})
})

describe('receivesFor', () => {
	it.each([1, 4, 24, 72])(
		'lasts at least %i hours, even with the shortest waits of every code',
		(retryHours) => {
			for (const code of [
				'NCP_LATER',
				'NCP_CREDENTIALS',
				'LEDGER_UNAVAILABLE',
				'PUBLISH_FAILED',
				'INTERNAL',
			] as const) {
				let seconds = 0
				for (let receiveCount = 1; receiveCount < receivesFor(retryHours); receiveCount++)
					seconds += wait({ code, receiveCount, random: 0 })
				expect(seconds).toBeGreaterThanOrEqual(retryHours * 3_600)
			}
		},
	)

	it('returns no more receives than necessary', () => {
		expect(receivesFor(4)).toBe(41)
	})
})
