import type { RequestQueue } from '../aws/sqs.ts'
import { ExportError } from '../errors.ts'
import { type OutcomeEvent, toQueueableJson } from '../outcome/outcome.ts'
import type { Delivery } from '../request/delivery.ts'
import { PublishFailed } from './export-backup.ts'

/**
 * For a caller who cannot come back: when all that failed was publishing, the request goes to the queue, whose
 * delivery finds the export settled and publishes the stored event without calling NCP. Resolves with that event.
 * A request that NCP may have carried out, and whose outcome could not be stored, goes there too, and its error is
 * rethrown. Rethrows any other error, and `PUBLISH_FAILED` when the queue does not take the request either.
 */
export async function publishLater(
	error: unknown,
	delivery: Delivery,
	queue: RequestQueue,
): Promise<OutcomeEvent> {
	const isPublishable = error instanceof PublishFailed && error.event.data.state !== 'rejected'
	const isUnsaved = error instanceof ExportError && error.mayBeDone
	// A rejected request has no stored event: its caller is told to send it again.
	if (!isPublishable && !isUnsaved) throw error
	try {
		await queue.send(toQueueableJson(delivery.request), delivery)
	} catch {
		// Now nobody but the caller knows: the answer is to send it again.
		throw error
	}
	if (isPublishable) return error.event
	// Should the caller never come back, the queue still settles and publishes it.
	throw error
}
