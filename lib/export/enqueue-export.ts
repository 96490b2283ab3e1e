import { ExportError, RequestInvalid } from '../errors.ts'
import { toQueueableJson } from '../formats/json.ts'
import { type Draft, type Entry, isEnded, reserve, toExport, UNSETTLED_MS } from '../ledger/ledger.ts'
import type { ExportPorts, RequestQueue } from '../ports.ts'
import type { ValidDelivery } from '../request/delivery.ts'
import { type ExportIdentity, toExportIdentity } from '../request/export-identity.ts'
import { toApiRequest } from '../request/export-request.ts'
import { idempotencyMismatch } from './claim-export.ts'
import { destinationTaken } from './destination-taken.ts'

/** How often another writer may be first before the caller is asked to come back. */
const MAX_TRIES = 3

/**
 * For a caller who does not wait: gives the export its id, puts the request on the queue, and resolves with the id.
 * An export that is known already keeps its id, and its queue message publishes what is stored. Throws
 * `IDEMPOTENCY_MISMATCH` and `DESTINATION_TAKEN`, whose outcome `exportBackup` must publish, and `LEDGER_UNAVAILABLE` or
 * `QUEUE_UNAVAILABLE`, after which the same request can be sent again.
 */
export async function enqueueExport(
	delivery: ValidDelivery,
	queue: Pick<RequestQueue, 'send'>,
	ports: ExportPorts,
): Promise<string> {
	const { request } = delivery
	const { destinations, now } = ports
	const identity = toExportIdentity(ports.apiUrl, request)
	const taking = await destinations.take(request, identity.exportKey, now())
	// What is known of an export that had the destination before is published all the same.
	if (taking.kind === 'held' && !(await isKnown(identity, ports))) throw destinationTaken(request, taking.by)
	try {
		return await reserveAndSend(identity, delivery, queue, ports)
	} catch (error) {
		// The idempotency key is another export's, so it must not keep the destination.
		if (error instanceof RequestInvalid && taking.kind === 'ours') await taking.undo().catch(() => undefined)
		throw error
	}
}

async function isKnown({ exportKey }: ExportIdentity, { ledger, now }: ExportPorts): Promise<boolean> {
	return toExport(await ledger.read(exportKey), now()) !== null
}

async function reserveAndSend(
	identity: ExportIdentity,
	delivery: ValidDelivery,
	queue: Pick<RequestQueue, 'send'>,
	ports: ExportPorts,
): Promise<string> {
	const { entry, giveUp } = await findOrReserve(identity, ports)
	try {
		await queue.send(toQueueableJson(toApiRequest(delivery.request)), delivery)
	} catch (error) {
		await giveUp().catch(() => false)
		throw error
	}
	return entry.exportId
}

interface Reserved {
	entry: Draft
	/** What to do when no message follows. */
	giveUp: () => Promise<unknown>
}

const NOTHING = async (): Promise<void> => undefined

async function findOrReserve(
	identity: ExportIdentity,
	{ ledger, destinations, now, createId, deduplicationMs }: ExportPorts,
): Promise<Reserved> {
	const destinationRule = destinations.rule
	let rejected: Entry | null = null
	for (let tries = 1; tries <= MAX_TRIES; tries++) {
		const nowMs = now()
		const next = reserve({ ...identity, destinationRule, nowMs, createId })
		const fresh = await ledger.replace(rejected, next, nowMs)
		if (fresh !== null) return { entry: fresh, giveUp: NOTHING }
		const entry = await ledger.read(identity.exportKey)
		rejected = entry?.state === 'rejected' ? entry : null
		if (entry === null || rejected !== null) continue
		if (entry.fingerprint !== identity.fingerprint) throw idempotencyMismatch()
		if (!isEnded(entry)) return { entry, giveUp: NOTHING }
		// It must not expire while the message is on its way, or the message would start another export.
		const expiresAtMs = nowMs + Math.max(UNSETTLED_MS, deduplicationMs)
		if (entry.expiresAtMs >= expiresAtMs) return { entry, giveUp: NOTHING }
		if (await ledger.expireAt(entry, expiresAtMs))
			return { entry, giveUp: () => ledger.expireAt(entry, entry.expiresAtMs) }
	}
	throw new ExportError('LEDGER_UNAVAILABLE', 'other writers kept replacing the entry of this export')
}
