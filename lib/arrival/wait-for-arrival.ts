import { awaitCheck, type SettledEntry } from '../ledger/ledger.ts'
import type { Finding } from '../object-storage/find-object.ts'
import { timed } from '../observe/step-times.ts'
import type { ArrivalPorts, CheckEnding, CheckWork, NextCheck } from './arrival-ports.ts'
import { checkDelaySeconds } from './arrival-schedule.ts'
import { scheduleInTime } from './schedule-check.ts'
import { writeCheck } from './write-check.ts'

export interface Wait {
	/** What stands in the ledger. */
	entry: SettledEntry
	/** What else changes while we wait. */
	change?: (current: SettledEntry) => SettledEntry
	finding: Finding
	/** Until the deadline, milliseconds. */
	leftMs: number
}

/**
 * The ledger counts first, so that of doubled checks only one goes on. Should we die before the next check is sent,
 * this one is delivered again and sends it then.
 */
export async function waitForArrival(
	{ entry, change = (current) => current, finding, leftMs }: Wait,
	work: CheckWork,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { now } = ports
	const check = work.check.check + 1
	const delaySeconds = checkDelaySeconds(check, leftMs)
	const toNext = (current: SettledEntry): SettledEntry =>
		awaitCheck(change(current), check, now() + delaySeconds * 1000, now())
	const awaited = await timed(work.progress, 'settle', now, () =>
		writeCheck(entry, toNext, work.remainingMs, ports),
	)
	if (awaited === null) return { kind: 'stale' }
	await scheduleNext({ check, delaySeconds }, work, ports)
	return { kind: 'waiting', event: entry.event, finding, delaySeconds }
}

/** Asks for the next check of the same export. */
export async function scheduleNext(
	{ check, delaySeconds }: NextCheck,
	{ check: { exportKey, exportId }, progress, remainingMs }: CheckWork,
	{ schedule, now }: ArrivalPorts,
): Promise<void> {
	await timed(progress, 'schedule', now, () =>
		scheduleInTime({ exportKey, exportId, check }, delaySeconds, remainingMs, schedule),
	)
}
