import { timeToCall, timeToLook } from '../deadline.ts'
import { ExportError, toExportError } from '../errors.ts'
import { startDeduplication } from '../export/settle-export.ts'
import { isEnded, repeatCheck, type SettledEntry, settle } from '../ledger/ledger.ts'
import type { Finding } from '../object-storage/find-object.ts'
import { startProgress, timed } from '../observe/step-times.ts'
import { type OutcomeEvent, toArrivalEvent, toOutcomeError } from '../outcome/outcome.ts'
import type { ArrivalPorts, CheckEnding, CheckWork } from './arrival-ports.ts'
import { checkDelaySeconds, type DeliveredCheck } from './arrival-schedule.ts'
import { mayResend, resendExport } from './resend-export.ts'
import { scheduleNext, waitForArrival } from './wait-for-arrival.ts'
import { readChecked, writeCheck } from './write-check.ts'

/**
 * The second use case: has the object landed? Settles an accepted or unknown export as `completed`, `missing` (looked,
 * and not there at the deadline) or `unverified` (could not look), and sends an unknown one once more when it is
 * provably not there. Safe to repeat and to double: a check that is out of date does nothing, one for a settled export
 * publishes its event again. Rejects when the check must be delivered again: with a retryable `ExportError`, or with
 * `EXPORT_GONE` when the ledger no longer knows the export, which only a person can look into.
 */
export async function checkArrival(
	check: DeliveredCheck,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const work = { check, remainingMs, progress: startProgress() }
	try {
		const ending = await decide(work, ports)
		if (ending.kind === 'outcome') {
			const { event } = ending.entry
			await publish(event, work, ports)
			if (ending.next) await scheduleNext(ending.next, work, ports)
			await recordCompletion(event, ports)
			await startDeduplication(ending.entry, ports)
		}
		ports.observe(check, ending, work.progress)
		return ending
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(check, { kind: 'failed', error }, work.progress)
		throw error
	}
}

async function publish(
	event: OutcomeEvent,
	{ progress, remainingMs }: CheckWork,
	ports: ArrivalPorts,
): Promise<void> {
	await timed(progress, 'publish', ports.now, () => ports.publish(event, remainingMs()))
}

/** A repeat writes the same time. */
async function recordCompletion({ data }: OutcomeEvent, ports: ArrivalPorts): Promise<void> {
	if (data.state !== 'completed' || data.request === null) return
	const { regionCode = '-', cloudPostgresqlInstanceNo } = data.request
	const instance = `${regionCode}/${cloudPostgresqlInstanceNo}`
	await ports.recordCompletion({ instance, atMs: Date.parse(data.settledAt) })
}

async function decide(work: CheckWork, ports: ArrivalPorts): Promise<CheckEnding> {
	const { check } = work
	const entry = await readChecked(check, ports.ledger)
	if (isEnded(entry)) return { kind: 'outcome', entry, candidates: [] }
	if (check.check >= entry.nextCheck) return look(entry, work, ports)
	if (check.isRepeated && check.check === entry.nextCheck - 1) return repeat(entry, work, ports)
	return { kind: 'stale' }
}

/** Whoever had the check may have died before its outcome or the next check was sent: both are sent again, once. */
async function repeat(entry: SettledEntry, work: CheckWork, ports: ArrivalPorts): Promise<CheckEnding> {
	if (entry.repeatedCheck === entry.nextCheck) return { kind: 'stale' }
	const { ledger, now } = ports
	await publish(entry.event, work, ports)
	const delaySeconds = checkDelaySeconds(entry.nextCheck, entry.nextCheckAtMs - now())
	await scheduleNext({ check: entry.nextCheck, delaySeconds }, work, ports)
	await ledger.replace(entry, repeatCheck(entry), now())
	return { kind: 'stale' }
}

async function look(entry: SettledEntry, work: CheckWork, ports: ArrivalPorts): Promise<CheckEnding> {
	const { remainingMs, progress } = work
	const { data } = entry.event
	const { request } = data
	// Every entry has a request; only a rejected outcome has none.
	if (request === null) return { kind: 'stale' }
	const wanted = { ...request, requestedAtMs: Date.parse(data.requestedAt) }
	const finding = await timed(progress, 'look', ports.now, () =>
		ports.findObject(wanted, timeToLook(remainingMs)),
	)
	const nowMs = ports.now()
	if (finding.kind === 'found') {
		const arrival = { state: 'completed', object: finding.object, error: null, checkedAtMs: nowMs } as const
		return settleArrival(entry, toArrivalEvent(entry.event, arrival), finding.candidates, work, ports)
	}
	// What was sent once more has a deadline of its own.
	const sinceMs = Math.max(Date.parse(data.settledAt), entry.resentAtMs)
	const leftMs = sinceMs + ports.deadlineMs - nowMs
	if (leftMs <= 0) {
		const event = toArrivalEvent(entry.event, toEndOfWait(finding, nowMs))
		return settleArrival(entry, event, [], work, ports)
	}
	const callMs = timeToCall(remainingMs)
	if (callMs !== null && mayResend(entry, finding, nowMs - sinceMs, ports))
		return resendExport(entry, finding, callMs, work, ports)
	return waitForArrival({ entry, finding, leftMs }, work, ports)
}

function toEndOfWait(finding: Exclude<Finding, { kind: 'found' }>, checkedAtMs: number) {
	const isAbsent = finding.kind === 'absent'
	const error = isAbsent
		? new ExportError('NOT_ARRIVED', 'the object was not in the bucket when the deadline passed')
		: new ExportError(
				'NOT_VERIFIABLE',
				`the bucket could not be read until the deadline passed (${finding.reason})`,
			)
	const state = isAbsent ? 'missing' : 'unverified'
	return { state, object: null, error: toOutcomeError(error), checkedAtMs } as const
}

async function settleArrival(
	entry: SettledEntry,
	event: OutcomeEvent,
	candidates: readonly string[],
	{ progress, remainingMs }: CheckWork,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const toNext = (current: SettledEntry): SettledEntry =>
		settle(current, event, ports.now(), ports.deduplicationMs)
	const settled = await timed(progress, 'settle', ports.now, () =>
		writeCheck(entry, toNext, remainingMs, ports),
	)
	// A doubled check was first: its outcome stands, and its delivery publishes it.
	return settled === null ? { kind: 'stale' } : { kind: 'outcome', entry: settled, candidates }
}
