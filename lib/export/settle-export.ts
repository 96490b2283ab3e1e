import { ExportError, toExportError } from '../errors.ts'
import { type Entry, type SettledEntry, settle, toSettled } from '../ledger/ledger.ts'
import { replaceInTime } from '../ledger/replace-in-time.ts'
import { type SettledState, toOutcomeEvent } from '../outcome/outcome.ts'
import type { ExportPorts } from '../ports.ts'
import type { Reply } from '../reply.ts'
import type { ValidDelivery } from '../request/delivery.ts'
import { contested } from './claim-export.ts'

/** How a claimed export ended. */
export interface Ending {
	state: SettledState
	reply: Reply | null
	error: ExportError | null
}

export type SettleExport = (entry: Entry, ending: Ending, delivery: ValidDelivery) => Promise<SettledEntry>

/**
 * Stores how claimed exports ended, and resolves with what the ledger holds then. Throws `LEDGER_UNAVAILABLE`, marked
 * `mayBeDone`, and `IN_PROGRESS`.
 */
export function createSettleExport(ports: ExportPorts): SettleExport {
	const { ledger, now, arrival, deduplicationMs } = ports
	return async (entry, { state, reply, error }, { request, trigger, traceparent }) => {
		const settledAtMs = now()
		const event = toOutcomeEvent({
			state,
			exportId: entry.exportId,
			request,
			reply,
			error,
			attempts: entry.attempts,
			trigger,
			traceparent,
			requestedAtMs: entry.requestedAtMs,
			settledAtMs,
			isArrivalChecked: arrival !== null,
		})
		const next = settle(entry, event, settledAtMs, deduplicationMs)
		const written = await replaceInTime(entry, next, ports).catch(throwUnsaved)
		if (written !== null) return written
		// Another delivery found our lease expired and was first. What it wrote is what counts.
		const stored = await ledger.read(entry.exportKey).catch(throwUnsaved)
		if (stored?.event?.data.exportId === entry.exportId) return toSettled(stored)
		throw contested({ mayBeDone: true })
	}
}

function throwUnsaved(cause: unknown): never {
	const { code, message } = toExportError(cause)
	throw new ExportError(code, message, { cause, mayBeDone: true })
}
