import { ExportError, toExportError } from '../errors.ts'
import { type Entry, expiryOncePublished, type SettledEntry, settle, toSettled } from '../ledger/ledger.ts'
import type { Reply } from '../ncp/read-reply.ts'
import { timed } from '../observe/step-times.ts'
import { type OutcomeEvent, type SettledState, toOutcomeError, toOutcomeEvent } from '../outcome/outcome.ts'
import { inProgress } from './claim-export.ts'
import type { ExportPorts, Work } from './export-ports.ts'

/** Settling is tried again while at least this is left for it and for publishing: in all for about ten seconds. */
const MIN_SETTLE_MS = 2_000
const MAX_SETTLE_TRIES = 8
const SETTLE_DELAY_MS = 100

/** An outcome, and the entry that it is stored in; a rejected request has none. */
export interface Decided {
	event: OutcomeEvent
	entry: SettledEntry | null
}

/** Writes the outcome of a claimed export, and gives what stands in the ledger then. Throws `LEDGER_UNAVAILABLE`. */
export async function settleAs(
	state: SettledState,
	{ delivery, request, remainingMs, progress }: Work,
	entry: Entry,
	reply: Reply | null,
	error: ExportError | null,
	ports: ExportPorts,
): Promise<Decided> {
	const settledAtMs = ports.now()
	const event = toOutcomeEvent({
		state,
		exportId: entry.exportId,
		request,
		reply,
		error: error === null ? null : toOutcomeError(error, reply),
		attempts: entry.attempts,
		trigger: delivery.trigger,
		traceparent: delivery.traceparent,
		requestedAtMs: entry.requestedAtMs,
		settledAtMs,
		isArrivalChecked: ports.arrival !== null,
	})
	const settled = settle(entry, event, settledAtMs, ports.deduplicationMs)
	const isOurs = await timed(progress, 'settle', ports.now, () =>
		replaceInTime(entry, settled, remainingMs, ports),
	).catch(throwUnsaved)
	if (isOurs) return { event, entry: settled }
	// Another delivery found our lease run out and was first; what it wrote is what stands.
	const stored = await ports.ledger.read(entry.exportKey)
	if (stored?.event?.data.exportId === entry.exportId)
		return { event: stored.event, entry: toSettled(stored) }
	throw inProgress(0)
}

function throwUnsaved(cause: unknown): never {
	const { code, message } = toExportError(cause)
	throw new ExportError(code, message, { cause, mayBeDone: true })
}

/**
 * After an outcome was published: the last one of an export is kept for the time of deduplication from now on. Never
 * rejects: an entry that could not be changed is kept for longer, and the next publisher tries again.
 */
export async function startDeduplication(
	entry: SettledEntry,
	{ ledger, now, deduplicationMs }: Pick<ExportPorts, 'ledger' | 'now' | 'deduplicationMs'>,
): Promise<void> {
	const expiresAtMs = expiryOncePublished(entry, now(), deduplicationMs)
	if (expiresAtMs !== null) await ledger.expireAt(entry, expiresAtMs).catch(() => false)
}

/** What is known after a call must not be lost to one slow answer of the table: tried for as long as there is time. */
export async function replaceInTime(
	previous: Entry,
	next: Entry,
	remainingMs: () => number,
	{ ledger, now, sleep }: Pick<ExportPorts, 'ledger' | 'now' | 'sleep'>,
): Promise<boolean> {
	for (let tries = 1; ; tries++) {
		try {
			return await ledger.replace(previous, next, now())
		} catch (error) {
			// A table that is throttled needs time more than it needs tries.
			const delayMs = SETTLE_DELAY_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2)
			if (tries === MAX_SETTLE_TRIES || remainingMs() - delayMs < MIN_SETTLE_MS) throw error
			await sleep(delayMs)
		}
	}
}
