import type { RequestQueue } from './aws/queue.ts'
import { idempotencyMismatch, inProgress } from './claim.ts'
import type { Delivery } from './delivery.ts'
import { ExportError, RequestInvalid } from './errors.ts'
import { toExportIdentity } from './export-key.ts'
import type { ExportPorts } from './export-ports.ts'
import { keep, reserve } from './ledger.ts'
import { toQueueableJson } from './outcome.ts'

/**
 * For a caller who does not wait: gives the export its id, puts the request on the queue, and resolves with the id.
 * An export that is known already keeps its own, and its queue message publishes what is stored. Throws
 * `RequestInvalid` (its outcome is left to the caller's answer), `LEDGER_UNAVAILABLE`, `IN_PROGRESS`, or `QUEUE_UNAVAILABLE`, after
 * which the same request can be sent again.
 */
export async function enqueueExport(
	delivery: Delivery,
	queue: RequestQueue,
	ports: ExportPorts,
): Promise<string> {
	const { request } = delivery
	if (request instanceof RequestInvalid) throw request
	const { ledger, now, createId, apiUrl } = ports
	const identity = toExportIdentity(apiUrl, request)
	const nowMs = now()
	const fresh = reserve({ ...identity, nowMs, createId })
	const entry = (await ledger.replace(null, fresh, nowMs)) ? fresh : await ledger.read(identity.exportKey)
	if (entry === null) throw new ExportError('LEDGER_UNAVAILABLE', 'the entry came and went')
	if (entry.fingerprint !== identity.fingerprint) throw idempotencyMismatch()
	// A settled one must not expire while the message is on its way: it would be another export then.
	const kept = keep(entry, nowMs + ports.deduplicationMs)
	if (kept !== null && !(await ledger.replace(entry, kept, nowMs))) throw inProgress(0)
	try {
		await queue.send(toQueueableJson(request), delivery)
	} catch (cause) {
		throw new ExportError('QUEUE_UNAVAILABLE', 'the queue did not take the request', { cause })
	}
	return entry.exportId
}
