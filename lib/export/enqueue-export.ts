import type { RequestQueue } from '../aws/sqs.ts'
import { ExportError, RequestInvalid } from '../errors.ts'
import { type Entry, isEnded, reserve, UNSETTLED_MS } from '../ledger/ledger.ts'
import { toQueueableJson } from '../outcome/outcome.ts'
import type { Delivery } from '../request/delivery.ts'
import { type ExportIdentity, toExportIdentity } from '../request/export-identity.ts'
import { idempotencyMismatch } from './claim-export.ts'
import type { ExportPorts } from './export-ports.ts'

/** How often another writer may be first before the caller is asked to come back. */
const MAX_TRIES = 3

/**
 * For a caller who does not wait: gives the export its id, puts the request on the queue, and resolves with the id.
 * An export that is known already keeps its own, and its queue message publishes what is stored. Throws
 * `RequestInvalid` for a request whose outcome `exportBackup` must publish, and `LEDGER_UNAVAILABLE` or
 * `QUEUE_UNAVAILABLE`, after which the same request can be sent again.
 */
export async function enqueueExport(
	delivery: Delivery,
	queue: RequestQueue,
	ports: ExportPorts,
): Promise<string> {
	const { request } = delivery
	if (request instanceof RequestInvalid) throw request
	const entry = await findOrReserve(toExportIdentity(ports.apiUrl, request), ports)
	try {
		await queue.send(toQueueableJson(request), delivery)
	} catch (cause) {
		throw new ExportError('QUEUE_UNAVAILABLE', 'the queue did not take the request', { cause })
	}
	return entry.exportId
}

async function findOrReserve(
	identity: ExportIdentity,
	{ ledger, now, createId, deduplicationMs }: ExportPorts,
): Promise<Entry> {
	for (let tries = 1; tries <= MAX_TRIES; tries++) {
		const nowMs = now()
		const fresh = reserve({ ...identity, nowMs, createId })
		if (await ledger.replace(null, fresh, nowMs)) return fresh
		const entry = await ledger.read(identity.exportKey)
		if (entry === null) continue
		if (entry.fingerprint !== identity.fingerprint) throw idempotencyMismatch()
		if (!isEnded(entry)) return entry
		// It must not expire while the message is on its way, or the message would make another export of it.
		const expiresAtMs = nowMs + Math.max(UNSETTLED_MS, deduplicationMs)
		if (entry.expiresAtMs >= expiresAtMs || (await ledger.expireAt(entry, expiresAtMs))) return entry
	}
	throw new ExportError('LEDGER_UNAVAILABLE', 'other writers kept replacing the entry of this export')
}
