import type { RequestQueue } from './aws/queue.ts'
import { backOffSeconds } from './back-off.ts'
import type { Delivery } from './delivery.ts'
import { type ErrorCode, ExportError } from './errors.ts'
import type { OutcomeEvent } from './outcome.ts'
import { toRequestInvalid } from './rejected.ts'

/** A delivery, and what its queue knows it by. */
export interface Message {
	delivery: Delivery
	body: string
	receiptHandle: string
	receiveCount: number
}

const NOT_TRIED: ReadonlySet<ErrorCode> = new Set(['DEADLINE_NEAR', 'IN_PROGRESS'])

/**
 * What a queue does with a delivery. Resolves = acknowledge: finished, and a rejected request is copied to the
 * dead-letter queue first. Rejects = deliver again: the message is hidden for a while, or goes to the dead-letter
 * queue when this was its last receive; one that was only in the way is sent anew.
 */
export async function handleMessage(
	{ delivery, body, receiptHandle, receiveCount }: Message,
	exportOne: (delivery: Delivery) => Promise<OutcomeEvent>,
	queue: RequestQueue,
	remainingMs: () => number,
	random: () => number,
): Promise<void> {
	try {
		const event = await exportOne(delivery)
		const invalid = toRequestInvalid(event)
		if (invalid !== null) await queue.deadLetter(body, delivery, invalid)
		if (delivery.isLast && event.data.state === 'exhausted') {
			throw new ExportError('NCP_LATER', 'retries are used up; the message goes to the dead-letter queue')
		}
	} catch (error) {
		// It did nothing wrong and nothing was tried: it begins anew instead of dying of a full batch.
		if (delivery.isLast && error instanceof ExportError && NOT_TRIED.has(error.code)) {
			await queue.send(body, delivery)
			return
		}
		// On the last receive SQS takes the message away as soon as it is seen again: there is nothing to wait for.
		if (error instanceof ExportError && !delivery.isLast) {
			const { code, replyCode, retryAfterSeconds } = error
			await queue.hide(
				receiptHandle,
				backOffSeconds({ code, replyCode, retryAfterSeconds, receiveCount, random: random() }),
				remainingMs(),
			)
		}
		throw error
	}
}
