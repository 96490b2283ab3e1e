import { timeToCall } from '../deadline.ts'
import {
	awaitCheck,
	beginResend,
	type Draft,
	type Settled,
	type SettledEntry,
	settle,
	undoResend,
} from '../ledger/ledger.ts'
import { toOutcomeEvent } from '../outcome/outcome.ts'
import type { ArrivalPorts, CheckEnding, Finding, Progress } from '../ports.ts'
import type { Reply } from '../reply.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { checkDelaySeconds } from './schedule-check.ts'
import { createWaitForArrival } from './wait-for-arrival.ts'
import { writeCheck } from './write-check.ts'

/** Longer than a call and its settling can take: until then a doubled check has nothing to do. */
const RESEND_MS = 60_000

/** Whether an export may be sent once more. The caller must first prove that its object is absent. */
export function mayResend({ state, resends }: SettledEntry): boolean {
	return state === 'unknown' && resends === 0
}

export type ResendExport = (
	entry: SettledEntry,
	request: ExportRequest,
	finding: Finding,
) => Promise<CheckEnding>

/** Sends an unknown export once more. The ledger counts it first, so that it is never sent a third time. */
export function createResendExport(check: number, ports: ArrivalPorts, progress: Progress): ResendExport {
	const { now, deadline, deadlineMs } = ports
	const waitForArrival = createWaitForArrival(check, ports)
	const next = check + 1

	/** Accepted after all: from now on it is treated like any other export, with its own deadline. */
	const accept = async (begun: SettledEntry, request: ExportRequest, reply: Reply): Promise<CheckEnding> => {
		const settledAtMs = now()
		const { trigger, requestedAt } = begun.event.data
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
		const delaySeconds = checkDelaySeconds(0, deadlineMs)
		const nextAtMs = settledAtMs + delaySeconds * 1000
		const toNext = (current: SettledEntry): Settled<Draft> => ({
			...awaitCheck(settle(current, event, settledAtMs, ports.deduplicationMs), next, nextAtMs, settledAtMs),
			firstCheck: next,
		})
		const settled = await writeCheck(begun, toNext, ports)
		return settled === null
			? { kind: 'stale' }
			: { kind: 'outcome', entry: settled, candidates: [], next: { check: next, delaySeconds } }
	}

	return async (entry, request, finding) => {
		const nowMs = now()
		const begun = await writeCheck(
			entry,
			(current) => beginResend(current, next, nowMs + RESEND_MS, nowMs),
			ports,
		)
		if (begun === null) return { kind: 'stale' }
		// Writing may have taken the time that the call needs.
		const callMs = timeToCall(deadline)
		const reply = callMs === null ? null : await ports.callNcp(request, callMs)
		progress.reply = reply
		if (reply?.kind === 'accepted') return accept(begun, request, reply)
		// Certainly not done: free to be sent once more, at a later check. Lost, or refused, perhaps only because the first
		// call is being carried out: the deadline decides.
		const isUndone = reply === null || reply.kind === 'later' || reply.kind === 'credentials'
		const sinceMs = isUndone ? Date.parse(entry.event.data.settledAt) : nowMs
		const leftMs = sinceMs + deadlineMs - now()
		return waitForArrival(begun, finding, leftMs, isUndone ? undoResend : undefined)
	}
}
