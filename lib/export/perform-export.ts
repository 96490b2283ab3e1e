import { timeToCall } from '../deadline.ts'
import { cut, ExportError } from '../errors.ts'
import { type Entry, release, type SettledEntry } from '../ledger/ledger.ts'
import { replaceInTime } from '../ledger/replace-in-time.ts'
import type { ExportPorts, Progress } from '../ports.ts'
import { type Reply, toReplyError } from '../reply.ts'
import type { ValidDelivery } from '../request/delivery.ts'
import type { TimeStep } from '../step-times.ts'
import type { Ending, SettleExport } from './settle-export.ts'

/** What an operator reads of a waiting export. */
const MAX_REASON = 300

export type PerformExport = (entry: Entry, delivery: ValidDelivery) => Promise<SettledEntry>

/**
 * Makes the call of a claimed export, and stores how it ended. Throws `NCP_LATER`, `NCP_CREDENTIALS` or `DEADLINE_NEAR` when it
 * was certainly not done and may be tried again, and what `SettleExport` throws.
 */
export function createPerformExport(
	ports: ExportPorts,
	settleExport: SettleExport,
	progress: Progress,
	timed: TimeStep,
): PerformExport {
	const callNcp = timed('call', ports.callNcp)
	const putBack = timed('settle', (entry: Entry, { code, message }: ExportError) =>
		replaceInTime(entry, release(entry, cut(`${code}: ${message}`, MAX_REASON)), ports),
	)
	return async (entry, delivery) => {
		const callMs = timeToCall(ports.deadline)
		const reply = callMs === null ? null : await callNcp(delivery.request, callMs)
		progress.reply = reply
		const error = reply === null ? deadlineNear() : toReplyError(reply)
		if (error === null || !error.retryable)
			return settleExport(entry, { state: toState(reply), reply, error }, delivery)
		if (delivery.isLast && reply !== null)
			return settleExport(entry, { state: 'exhausted', reply, error }, delivery)
		// Certainly not done, so the next delivery may call at once. If this write fails for good, the lease expires and
		// the export becomes unknown: less than we know, but never more.
		await putBack(entry, error)
		throw error
	}
}

function toState(reply: Reply | null): Ending['state'] {
	return reply?.kind === 'accepted' || reply?.kind === 'refused' ? reply.kind : 'unknown'
}

/** Nothing was sent, since a call with so little time would only leave the outcome unknown. */
export function deadlineNear(): ExportError {
	return new ExportError('DEADLINE_NEAR', 'too little time was left; nothing was sent')
}
