import { expect, it } from 'vitest'
import { askForCheck, checkDelaySeconds, needsCheck } from '../../lib/arrival/schedule-check.ts'
import { writeOpen } from '../entries.ts'
import { acceptedEvent } from '../events.ts'
import { createMemoryLedger } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)

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

it('needs the first check, and any later one that is more than five minutes late', async () => {
	const entry = await writeOpen(createMemoryLedger(), 'accepted', NOW)
	expect(needsCheck(entry, NOW)).toBe(true)
	const checked = { ...entry, nextCheck: 1, nextCheckAtMs: NOW }
	expect(needsCheck(checked, NOW + 300_000)).toBe(false)
	expect(needsCheck(checked, NOW + 300_001)).toBe(true)
})

it('needs no check of an export that has ended', async () => {
	const entry = await writeOpen(createMemoryLedger(), 'accepted', NOW)
	expect(needsCheck({ ...entry, event: acceptedEvent('export-1') }, NOW)).toBe(false)
})

it.each([
	['the first check after 30 s', 0, 7_200_000, 30],
	['the first check no later than the deadline', 0, 5_000, 5],
	['a check that seems to be lost at once', 3, 7_200_000, 1],
])('asks for %s', async (_name, nextCheck, deadlineMs, seconds) => {
	const entry = await writeOpen(createMemoryLedger(), 'accepted', NOW)
	const scheduled: unknown[][] = []
	const schedule = async (...args: unknown[]) => void scheduled.push(args)
	await askForCheck({ ...entry, nextCheck }, deadlineMs, NOW, schedule)
	// Of one that may be lost, it is not known whether the state before it was published.
	const mark = nextCheck === 0 ? {} : { isRepeated: true }
	expect(scheduled).toEqual([
		[{ exportKey: 'key', exportId: 'export-1', check: nextCheck, ...mark }, seconds],
	])
})
