import { ExportError } from '../errors.ts'
import { toQueueableJson } from '../formats/json.ts'
import type { RequestQueue } from '../ports.ts'
import type { Delivery } from '../request/delivery.ts'
import { toApiRequest } from '../request/export-request.ts'
import type { ExportEnding } from './export-backup.ts'

/**
 * For a caller who cannot come back: when only publishing failed, the request goes to the queue, whose delivery finds
 * the export settled and publishes the stored event without calling NCP. The same goes for a request that NCP may have
 * carried out, but whose outcome could not be stored. Resolves with the ending. Rethrows every error of the export, and
 * throws `PUBLISH_FAILED` when the queue does not take the request either.
 */
export async function publishLater(
	exporting: Promise<ExportEnding>,
	delivery: Delivery,
	queue: Pick<RequestQueue, 'send'>,
): Promise<ExportEnding> {
	const send = async (): Promise<void> => {
		if (delivery.kind === 'valid') await queue.send(toQueueableJson(toApiRequest(delivery.request)), delivery)
	}
	try {
		const ending = await exporting
		if (ending.kind !== 'unpublished') return ending
		await send().catch(() => {
			// Now only the caller knows of the export: the answer asks for the request once more.
			throw ending.error
		})
		return ending
	} catch (error) {
		// If the caller never comes back, the queue settles and publishes it.
		if (error instanceof ExportError && error.mayBeDone) await send().catch(() => undefined)
		throw error
	}
}
