import { type ArrivalCheck, checkDelaySeconds, type DeliveredCheck } from './arrival-schedule.ts'
import type { ScheduleCheck } from './aws/arrival-queue.ts'
import type { Completions } from './aws/completions.ts'
import type { Publish } from './aws/topic.ts'
import { ExportError, toExportError } from './errors.ts'
import {
	awaitCheck,
	beginResend,
	type Ledger,
	repeatCheck,
	type SettledEntry,
	settle,
	toSettled,
	undoResend,
} from './ledger.ts'
import type { CallNcp } from './ncp/client.ts'
import type { Reply } from './ncp/reply.ts'
import type { Finding, FindObject } from './object-storage/find-object.ts'
import { type OutcomeEvent, toArrivalEvent, toOutcomeError, toOutcomeEvent } from './outcome.ts'
import { replaceInTime } from './settle-export.ts'
import { timeToCall, timeToLook } from './time-budget.ts'

export interface ArrivalPorts {
	ledger: Ledger
	findObject: FindObject
	schedule: ScheduleCheck
	publish: Publish
	/** Kept for the freshness of each instance. */
	recordCompletion: Completions['record']
	callNcp: CallNcp
	/** Milliseconds since the epoch. */
	now: () => number
	/** From the outcome to the last look. */
	deadlineMs: number
	/** How long an unknown export may be on its way before it is sent once more. */
	resendAfterMs: number
	/** One log line and the metrics of a check; must not throw. */
	observe: (check: ArrivalCheck, ending: CheckEnding) => void
}

/** A check to come, asked for once the outcome before it is published. */
export interface NextCheck {
	check: number
	delaySeconds: number
}

/** What a check did. `outcome` is published; `stale` = another check has gone further already. */
export type CheckEnding =
	| { kind: 'outcome'; event: OutcomeEvent; candidates: readonly string[]; next?: NextCheck }
	| { kind: 'waiting'; event: OutcomeEvent; finding: Finding; delaySeconds: number }
	| { kind: 'stale' }
	| { kind: 'failed'; error: ExportError }

/**
 * The second use case: has the object landed? Settles an accepted or unknown export as `completed`, `missing` (looked,
 * and not there at the deadline) or `unverified` (could not look), and sends an unknown one once more when it is
 * provably not there. Safe to repeat and to double: a check that is out of date does nothing, one for a settled export
 * publishes its event again. Rejects with a retryable `ExportError` when the check must be delivered again.
 */
export async function checkArrival(
	check: DeliveredCheck,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	try {
		const ending = await decide(check, remainingMs, ports)
		if (ending.kind === 'outcome') {
			await ports.publish(ending.event, remainingMs())
			if (ending.next) await scheduleNext(check, ending.next, ports)
			await recordCompletion(ending.event, ports)
		}
		ports.observe(check, ending)
		return ending
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(check, { kind: 'failed', error })
		throw error
	}
}

/** A repeat writes the same time. */
async function recordCompletion({ data }: OutcomeEvent, ports: ArrivalPorts): Promise<void> {
	if (data.state !== 'completed' || data.request === null) return
	const { regionCode = '-', cloudPostgresqlInstanceNo } = data.request
	const instance = `${regionCode}/${cloudPostgresqlInstanceNo}`
	await ports.recordCompletion({ instance, atMs: Date.parse(data.settledAt) })
}

async function decide(
	check: DeliveredCheck,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const found = await ports.ledger.read(check.exportKey)
	if (found === null || found.exportId !== check.exportId || found.event === null) return { kind: 'stale' }
	const entry = toSettled(found)
	if (entry.event.data.terminal) return toEnding(entry.event)
	if (check.check >= entry.nextCheck) return look(check, entry, remainingMs, ports)
	if (check.isRepeated && check.check === entry.nextCheck - 1) return repeat(check, entry, remainingMs, ports)
	return { kind: 'stale' }
}

/** Whoever had the check may have died before its outcome or the next check was sent: both are sent again, once. */
async function repeat(
	check: ArrivalCheck,
	entry: SettledEntry,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	if (entry.repeatedCheck === entry.nextCheck) return { kind: 'stale' }
	const { ledger, now, publish } = ports
	await publish(entry.event, remainingMs())
	const delaySeconds = checkDelaySeconds(entry.nextCheck, entry.nextCheckAtMs - now())
	await scheduleNext(check, { check: entry.nextCheck, delaySeconds }, ports)
	await ledger.replace(entry, repeatCheck(entry), now())
	return { kind: 'stale' }
}

async function look(
	check: ArrivalCheck,
	entry: SettledEntry,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { data } = entry.event
	const { request } = data
	// Every entry has a request; only a rejected outcome has none.
	if (request === null) return { kind: 'stale' }
	const finding = await ports.findObject(
		{ ...request, requestedAtMs: Date.parse(data.requestedAt) },
		timeToLook(remainingMs),
	)
	const nowMs = ports.now()
	if (finding.kind === 'found') {
		const arrival = { state: 'completed', object: finding.object, error: null, checkedAtMs: nowMs } as const
		return settleArrival(entry, toArrivalEvent(entry.event, arrival), remainingMs, ports, finding.candidates)
	}
	// What was sent once more has a deadline of its own.
	const sinceMs = Math.max(Date.parse(data.settledAt), entry.resentAtMs)
	const leftMs = sinceMs + ports.deadlineMs - nowMs
	if (leftMs <= 0)
		return settleArrival(entry, toArrivalEvent(entry.event, toEndOfWait(finding, nowMs)), remainingMs, ports)
	const callMs = timeToCall(remainingMs)
	if (callMs !== null && mayResend(entry, finding, nowMs - sinceMs, ports)) {
		return resend(check, entry, finding, callMs, remainingMs, ports)
	}
	return wait(check, entry, finding, leftMs, ports)
}

/** Only what is provably not there: an unreadable bucket may hold it. */
function mayResend(
	entry: SettledEntry,
	finding: Finding,
	ageMs: number,
	{ resendAfterMs }: ArrivalPorts,
): boolean {
	return (
		entry.state === 'unknown' && finding.kind === 'absent' && entry.resends === 0 && ageMs >= resendAfterMs
	)
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

/**
 * The ledger counts first, so that of doubled checks only one goes on. Should we die before the next check is sent,
 * this one is delivered again and sends it then.
 */
async function wait(
	check: ArrivalCheck,
	entry: SettledEntry,
	finding: Finding,
	leftMs: number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { ledger, now } = ports
	const next = check.check + 1
	const delaySeconds = checkDelaySeconds(next, leftMs)
	const nowMs = now()
	if (!(await ledger.replace(entry, awaitCheck(entry, next, nowMs + delaySeconds * 1000), nowMs)))
		return { kind: 'stale' }
	await scheduleNext(check, { check: next, delaySeconds }, ports)
	return { kind: 'waiting', event: entry.event, finding, delaySeconds }
}

/** Longer than the call can take: until then a doubled check has nothing to do. */
const RESEND_MARGIN_MS = 30_000

async function resend(
	check: ArrivalCheck,
	entry: SettledEntry,
	finding: Finding,
	callMs: number,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { ledger, callNcp, now, deadlineMs } = ports
	const { request } = entry.event.data
	const nowMs = now()
	const begun = beginResend(entry, check.check + 1, nowMs, nowMs + callMs + RESEND_MARGIN_MS)
	if (request === null || !(await ledger.replace(entry, begun, nowMs))) return { kind: 'stale' }
	const reply = await callNcp(request, callMs)
	if (reply.kind === 'accepted') return settleResend(check, begun, reply, remainingMs, ports)
	// Lost, or refused, perhaps just because the first one is under way: the deadline judges. Certainly not done:
	// free to be sent once more, at a later check.
	const isUndone = reply.kind === 'later' || reply.kind === 'credentials'
	const undone = isUndone ? undoResend(begun) : begun
	const isWritten = !isUndone || (await replaceInTime(begun, undone, remainingMs, ports))
	return wait(check, isWritten ? undone : begun, finding, nowMs + deadlineMs - now(), ports)
}

/** Accepted after all: from here on it is judged like any other, with a deadline of its own. */
async function settleResend(
	{ check }: ArrivalCheck,
	begun: SettledEntry,
	reply: Reply,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { now, deadlineMs } = ports
	const { request, requestedAt, trigger } = begun.event.data
	if (request === null) return { kind: 'stale' }
	const settledAtMs = now()
	const event = toOutcomeEvent({
		state: 'accepted',
		exportId: begun.exportId,
		request,
		reply,
		error: null,
		attempts: begun.attempts,
		trigger,
		traceparent: begun.event.traceparent,
		requestedAtMs: Date.parse(requestedAt),
		settledAtMs,
		isArrivalChecked: true,
	})
	const next = { check: check + 1, delaySeconds: checkDelaySeconds(0, deadlineMs) }
	const nextAtMs = settledAtMs + next.delaySeconds * 1000
	const settled = awaitCheck(settle(begun, event, begun.expiresAtMs), next.check, nextAtMs)
	if (!(await replaceInTime(begun, settled, remainingMs, ports))) return { kind: 'stale' }
	return { ...toEnding(event), next }
}

async function settleArrival(
	entry: SettledEntry,
	event: OutcomeEvent,
	remainingMs: () => number,
	ports: ArrivalPorts,
	candidates: readonly string[] = [],
): Promise<CheckEnding> {
	const settled = settle(entry, event, entry.expiresAtMs)
	if (await replaceInTime(entry, settled, remainingMs, ports)) return { kind: 'outcome', event, candidates }
	// A doubled check was first: its outcome stands, and its delivery publishes it.
	return { kind: 'stale' }
}

async function scheduleNext(
	{ exportKey, exportId }: ArrivalCheck,
	{ check, delaySeconds }: NextCheck,
	{ schedule }: ArrivalPorts,
): Promise<void> {
	await schedule({ exportKey, exportId, check }, delaySeconds)
}

function toEnding(event: OutcomeEvent): CheckEnding & { kind: 'outcome' } {
	return { kind: 'outcome', event, candidates: [] }
}
