import { expect, it } from 'vitest'
import { checkDelaySeconds } from '../../lib/arrival/schedule-check.ts'

it('schedules checks after 30 s, then 1, 2, 4, 8 and 15 minutes, then every 15', () => {
	const delays = Array.from({ length: 8 }, (_, check) => checkDelaySeconds(check, 7_200_000))
	expect(delays).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
})

it.each([
	[5_000, 5],
	[5_001, 6],
	[0, 1],
	[-1_000, 1],
])('schedules the last check at the deadline, %i ms from now', (leftMs, seconds) => {
	expect(checkDelaySeconds(7, leftMs)).toBe(seconds)
})
