import { timeToCall } from '../deadline.ts'
import { awaitCheck, beginResend, type SettledEntry, settle, undoResend } from '../ledger/ledger.ts'
import type { Reply } from '../ncp/read-reply.ts'
import type { Finding } from '../object-storage/find-object.ts'
import { timed } from '../observe/step-times.ts'
import { toOutcomeEvent } from '../outcome/outcome.ts'
import type { ArrivalPorts, CheckEnding, CheckWork } from './arrival-ports.ts'
import { checkDelaySeconds } from './arrival-schedule.ts'
import { waitForArrival } from './wait-for-arrival.ts'
import { writeCheck } from './write-check.ts'

/** Longer than the call can take: until then a doubled check has nothing to do. */
const RESEND_MARGIN_MS = 30_000

/** Only what is provably not there: an unreadable bucket may hold it. */
export function mayResend(
	{ state, resends }: SettledEntry,
	finding: Finding,
	ageMs: number,
	{ resendAfterMs }: ArrivalPorts,
): boolean {
	return state === 'unknown' && finding.kind === 'absent' && resends === 0 && ageMs >= resendAfterMs
}

/** Sends an unknown export once more, counted first, so that it never is a third time. `callMs` limits the call. */
export async function resendExport(
	entry: SettledEntry,
	finding: Finding,
	callMs: number,
	work: CheckWork,
	ports: ArrivalPorts,
): Promise<CheckEnding> {
	const { callNcp, now, deadlineMs } = ports
	const { request } = entry.event.data
	const nowMs = now()
	if (request === null) return { kind: 'stale' }
	const toNext = (current: SettledEntry): SettledEntry =>
		beginResend(current, work.check.check + 1, nowMs, nowMs + callMs + RESEND_MARGIN_MS)
	const begun = await writeCheck(entry, toNext, work.remainingMs, ports)
	if (begun === null) return { kind: 'stale' }
	// Writing may have taken the time that the call needs.
	const leftToCallMs = timeToCall(work.remainingMs)
	const reply =
		leftToCallMs === null
			? null
			: await timed(work.progress, 'call', now, () => callNcp(request, leftToCallMs))
	work.progress.reply = reply
	if (reply?.kind === 'accepted') return settleResend(begun, reply, work, ports)
	// Lost, or refused, perhaps just because the first one is under way: the deadline judges. Certainly not done:
	// free to be sent once more, at a later check.
	const isUndone = reply === null || reply.kind === 'later' || reply.kind === 'credentials'
	const leftMs = nowMs + deadlineMs - now()
	return waitForArrival(
		{ entry: begun, ...(isUndone ? { change: undoResend } : {}), finding, leftMs },
		work,
		ports,
	)
}

/** Accepted after all: from here on it is judged like any other, with a deadline of its own. */
async function settleResend(
	begun: SettledEntry,
	reply: Reply,
	{ check, remainingMs, progress }: CheckWork,
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
	const next = { check: check.check + 1, delaySeconds: checkDelaySeconds(0, deadlineMs) }
	const nextAtMs = settledAtMs + next.delaySeconds * 1000
	const toNext = (current: SettledEntry): SettledEntry =>
		awaitCheck(settle(current, event, settledAtMs, ports.deduplicationMs), next.check, nextAtMs, settledAtMs)
	const settled = await timed(progress, 'settle', now, () => writeCheck(begun, toNext, remainingMs, ports))
	return settled === null ? { kind: 'stale' } : { kind: 'outcome', entry: settled, candidates: [], next }
}
