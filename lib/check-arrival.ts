import { type ArrivalCheck, checkDelaySeconds, type DeliveredCheck } from './arrival-schedule.ts'
import type { ScheduleCheck } from './aws/arrival-queue.ts'
import type { Completions } from './aws/completions.ts'
import type { Publish } from './aws/topic.ts'
import { ExportError, toExportError } from './errors.ts'
import {
	awaitCheck,
	beginResend,
	type Ledger,
	type SettledEntry,
	settle,
	toSettled,
	undoResend,
} from './ledger.ts'
import type { CallNcp } from './ncp/client.ts'
import type { Reply } from './ncp/reply.ts'
import type { Finding, FindObject } from './object-storage/find-object.ts'
import { type OutcomeEvent, toArrivalEvent, toOutcomeError, toOutcomeEvent } from './outcome.ts'
import { toReplyError } from './reply-error.ts'
import { timeToCall } from './time-budget.ts'

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

/** What a check did. `outcome` is published; `stale` = another check has gone further already. */
export type CheckEnding =
	| { kind: 'outcome'; event: OutcomeEvent; candidates: readonly string[] }
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
			await recordCompletion(ending.event, ports)
			await ports.publish(ending.event, remainingMs())
		}
		ports.observe(check, ending)
		return ending
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(check, { kind: 'failed', error })
		throw error
	}
}

/** Before publishing, and again with it: a repeat writes the same time. */
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
	// Whoever had it may have died before the next check or the outcome was sent: both are sent again.
	if (check.isRepeated && check.check === entry.nextCheck - 1) {
		const leftMs = entry.nextCheckAtMs - ports.now()
		await ports.schedule(
			{ ...toIdentity(check), check: entry.nextCheck },
			checkDelaySeconds(entry.nextCheck, leftMs),
		)
		return toEnding(entry.event)
	}
	return { kind: 'stale' }
}

async function look(
	check: DeliveredCheck,
	entry: SettledEntry,
	remainingMs: () => number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { data } = entry.event
	const { request } = data
	// Every entry has a request; only a rejected outcome has none.
	if (request === null) return { kind: 'stale' }
	const finding = await ports.findObject({ ...request, requestedAtMs: Date.parse(data.requestedAt) })
	const nowMs = ports.now()
	if (finding.kind === 'found') {
		const arrival = { state: 'completed', object: finding.object, error: null, checkedAtMs: nowMs } as const
		return settleAs(entry, toArrivalEvent(entry.event, arrival), ports, finding.candidates)
	}
	const settledAtMs = Date.parse(data.settledAt)
	const callMs = timeToCall(remainingMs)
	if (mayResend(entry, finding, nowMs - settledAtMs, ports) && callMs !== null) {
		return resend(check, entry, finding, callMs, ports)
	}
	const leftMs = settledAtMs + ports.deadlineMs - nowMs
	if (leftMs <= 0) return settleAs(entry, toArrivalEvent(entry.event, toEndOfWait(finding, nowMs)), ports)
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
	check: DeliveredCheck,
	entry: SettledEntry,
	finding: Finding,
	leftMs: number,
	{ ledger, schedule, now }: ArrivalPorts,
): Promise<CheckEnding> {
	const next = check.check + 1
	const delaySeconds = checkDelaySeconds(next, leftMs)
	const nowMs = now()
	if (!(await ledger.replace(entry, awaitCheck(entry, next, nowMs + delaySeconds * 1000), nowMs)))
		return { kind: 'stale' }
	await schedule({ ...toIdentity(check), check: next }, delaySeconds)
	return { kind: 'waiting', event: entry.event, finding, delaySeconds }
}

async function resend(
	check: DeliveredCheck,
	entry: SettledEntry,
	finding: Finding,
	callMs: number,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { ledger, callNcp, now, deadlineMs } = ports
	const { request, requestedAt, trigger } = entry.event.data
	const begun = beginResend(entry)
	if (request === null || !(await ledger.replace(entry, begun, now()))) return { kind: 'stale' }
	const reply = await callNcp(request, callMs)
	const error = toReplyError(reply)
	if (reply.kind === 'accepted' || reply.kind === 'refused') {
		const settledAtMs = now()
		const event = toOutcomeEvent({
			state: reply.kind,
			exportId: begun.exportId,
			request,
			reply,
			error: error === null ? null : toOutcomeError(error, reply),
			attempts: begun.attempts,
			trigger,
			traceparent: entry.event.traceparent,
			requestedAtMs: Date.parse(requestedAt),
			settledAtMs,
			isArrivalChecked: true,
		})
		return reply.kind === 'accepted'
			? settleAndWait(check, begun, event, ports)
			: settleAs(begun, event, ports)
	}
	const left = Date.parse(entry.event.data.settledAt) + deadlineMs - now()
	return wait(check, await afterUnsettledResend(begun, reply, ports), finding, Math.max(1, left), ports)
}

/** Accepted after all: from here on it is judged like any other, with a deadline of its own. */
async function settleAndWait(
	check: DeliveredCheck,
	begun: SettledEntry,
	event: OutcomeEvent,
	{ ledger, schedule, now, deadlineMs }: ArrivalPorts,
): Promise<CheckEnding> {
	const next = check.check + 1
	const delaySeconds = checkDelaySeconds(0, deadlineMs)
	const settled = awaitCheck(settle(begun, event, begun.expiresAtMs), next, now() + delaySeconds * 1000)
	if (!(await ledger.replace(begun, settled, now()))) return { kind: 'stale' }
	await schedule({ ...toIdentity(check), check: next }, delaySeconds)
	return { kind: 'outcome', event, candidates: [] }
}

/** Not done: free to be sent once more. Lost: it stays counted, and the deadline judges. */
async function afterUnsettledResend(
	begun: SettledEntry,
	{ kind }: Reply,
	{ ledger, now }: ArrivalPorts,
): Promise<SettledEntry> {
	if (kind === 'unknown') return begun
	const undone = undoResend(begun)
	return (await ledger.replace(begun, undone, now())) ? undone : begun
}

async function settleAs(
	entry: SettledEntry,
	event: OutcomeEvent,
	{ ledger, now }: ArrivalPorts,
	candidates: readonly string[] = [],
): Promise<CheckEnding> {
	if (await ledger.replace(entry, settle(entry, event, entry.expiresAtMs), now()))
		return { kind: 'outcome', event, candidates }
	// A doubled check was first; it is its outcome that stands, and its delivery that publishes it.
	return { kind: 'stale' }
}

function toIdentity({ exportKey, exportId }: ArrivalCheck) {
	return { exportKey, exportId }
}

function toEnding(event: OutcomeEvent): CheckEnding {
	return { kind: 'outcome', event, candidates: [] }
}
