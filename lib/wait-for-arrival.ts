import type { ArrivalPorts, CheckEnding, CheckWork, NextCheck } from './arrival-ports.ts'
import { checkDelaySeconds } from './arrival-schedule.ts'
import { awaitCheck, type SettledEntry } from './ledger.ts'
import type { Finding } from './object-storage/find-object.ts'
import { timed } from './progress.ts'
import { scheduleInTime } from './schedule-in-time.ts'
import { replaceInTime } from './settle-export.ts'

export interface Wait {
	/** What stands in the ledger, and what shall stand there while we wait. */
	previous: SettledEntry
	entry: SettledEntry
	finding: Finding
	/** Until the deadline, milliseconds. */
	leftMs: number
}

/**
 * The ledger counts first, so that of doubled checks only one goes on. Should we die before the next check is sent,
 * this one is delivered again and sends it then.
 */
export async function waitForArrival(
	{ previous, entry, finding, leftMs }: Wait,
	work: CheckWork,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { now } = ports
	const check = work.check.check + 1
	const delaySeconds = checkDelaySeconds(check, leftMs)
	const awaited = awaitCheck(entry, check, now() + delaySeconds * 1000)
	const isOurs = await timed(work.progress, 'settle', now, () =>
		replaceInTime(previous, awaited, work.remainingMs, ports),
	)
	if (!isOurs) return { kind: 'stale' }
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
