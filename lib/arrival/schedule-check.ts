import { isEnded, type SettledEntry } from '../ledger/ledger.ts'
import type { ScheduleCheck } from '../ports.ts'

/** Seconds before each check of a state; the last one repeats. SQS delays a message by 15 minutes at most. */
const DELAYS_SECONDS = [30, 60, 120, 240, 480, 900]

/** A check this late counts as lost. */
const GRACE_MS = 5 * 60 * 1000

/** Whole seconds until a check, shortened so that the last one falls on the deadline; at least 1. */
export function checkDelaySeconds(check: number, leftMs: number): number {
	const delay = DELAYS_SECONDS[Math.min(check, DELAYS_SECONDS.length - 1)] ?? 900
	return Math.max(1, Math.min(delay, Math.ceil(leftMs / 1000)))
}

/** True when the first check has not been asked for yet, or a later one seems to be lost. */
export function needsCheck(entry: SettledEntry, nowMs: number): boolean {
	const { nextCheck, nextCheckAtMs } = entry
	return !isEnded(entry) && (nextCheck === 0 || nowMs > nextCheckAtMs + GRACE_MS)
}

/** Asks for the check that an export needs; `deadlineMs` is from its outcome to the last look. */
export async function askForCheck(
	{ exportKey, exportId, nextCheck, event }: SettledEntry,
	deadlineMs: number,
	nowMs: number,
	schedule: ScheduleCheck,
): Promise<void> {
	const leftMs = Date.parse(event.data.settledAt) + deadlineMs - nowMs
	const check = { exportKey, exportId, check: nextCheck }
	if (nextCheck === 0) await schedule(check, checkDelaySeconds(0, leftMs))
	else await schedule({ ...check, isRepeated: true }, 1)
}
