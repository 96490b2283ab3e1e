import type { RequestQueue } from '../aws/sqs.ts'
import { type ErrorCode, ExportError, toExportError } from '../errors.ts'
import { PublishFailed } from '../export/export-backup.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import { toRequestInvalid } from '../outcome/rejected-outcome.ts'
import type { Delivery } from '../request/delivery.ts'
import { backOffSeconds } from './back-off.ts'

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
 * queue when this was its last receive. On the last receive, one that was only in the way is sent anew, and so is one
 * whose outcome is stored but not published.
 */
export async function handleMessage(
	{ delivery, body, receiptHandle, receiveCount }: Message,
	exportOne: (delivery: Delivery) => Promise<OutcomeEvent>,
	queue: RequestQueue,
	random: () => number,
): Promise<void> {
	try {
		const event = await exportOne(delivery)
		const invalid = toRequestInvalid(event)
		if (invalid !== null) await queue.deadLetter(body, delivery, invalid)
		if (delivery.isLast && isExhaustedBy(delivery, event)) throw usedUp()
	} catch (thrown) {
		const error = toExportError(thrown)
		if (!delivery.isLast) {
			const { code, replyCode, retryAfterSeconds } = error
			const wait = { code, replyCode, retryAfterSeconds, receiveCount, random: random() }
			await queue.hide(receiptHandle, backOffSeconds(wait))
			throw thrown
		}
		// It did nothing wrong and nothing was tried: it begins anew instead of dying of a full batch.
		if (NOT_TRIED.has(error.code)) {
			await queue.send(body, delivery)
			return
		}
		// What nobody has been told must still be said, however long the topic is down. A rejected request has no stored
		// event: its message goes to the dead-letter queue, as its copy would have.
		if (error instanceof PublishFailed && error.event.data.state !== 'rejected') {
			// Not as redriven: the new message publishes, and must not start over what is exhausted.
			await queue.send(body, { ...delivery, isRedriven: false })
			if (isExhaustedBy(delivery, error.event)) throw usedUp()
			return
		}
		// SQS takes the message away as soon as it is seen again: there is nothing to wait for.
		throw thrown
	}
}

/** Of several messages about one export, the one that used up the retries is what a redrive starts over. */
function isExhaustedBy({ trigger }: Delivery, { data }: OutcomeEvent): boolean {
	return data.state === 'exhausted' && data.trigger.id === trigger.id
}

function usedUp(): ExportError {
	return new ExportError('NCP_LATER', 'retries are used up; the message goes to the dead-letter queue')
}
