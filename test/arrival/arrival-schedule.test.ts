import { expect, it } from 'vitest'
import { checkDelaySeconds } from '../../lib/arrival/arrival-schedule.ts'
import { parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'

it('looks after 30 s, then 1, 2, 4, 8 and 15 minutes, then every 15', () => {
	const delays = Array.from({ length: 8 }, (_, check) => checkDelaySeconds(check, 7_200_000))
	expect(delays).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
})

it.each([
	[5_000, 5],
	[5_001, 6],
	[0, 1],
	[-1_000, 1],
])('looks for the last time when the deadline is, %i ms from now', (leftMs, seconds) => {
	expect(checkDelaySeconds(7, leftMs)).toBe(seconds)
})

it('knows its own messages, and nobody else’s', () => {
	const check = { exportKey: 'k', exportId: 'e', check: 3 }
	expect(parseArrivalCheck(JSON.stringify(check))).toEqual(check)
	for (const body of [
		'',
		'[]',
		'{}',
		'{"exportKey":"k","exportId":"e","check":"3"}',
		'{"exportKey":"k","check":3}',
	]) {
		expect(parseArrivalCheck(body)).toBeNull()
	}
})
