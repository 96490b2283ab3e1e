import { type ErrorCode, ExportError, toExportError } from '../errors.ts'
import type { ExportEnding } from '../export/export-backup.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import { type ObserveExport, type RequestQueue, startProgress } from '../ports.ts'
import type { Delivery } from '../request/delivery.ts'
import { backOffSeconds } from './back-off.ts'

/** A delivery, and what its queue knows it by. */
export interface Message {
	delivery: Delivery
	body: string
	receiptHandle: string
	receiveCount: number
}

/** How messages are finished or put off. */
export interface MessagePorts {
	exportBackup: (delivery: Delivery) => Promise<ExportEnding>
	queue: RequestQueue
	/** From 0 to 1, exclusive. */
	random: () => number
	/** For what fails after the export has ended. */
	observe: ObserveExport
}

/**
 * Finishes one message. Resolves = acknowledge it; a rejected request is copied to the dead-letter queue first. Rejects =
 * deliver it again: the message is hidden for a while. On its last receive it goes to the dead-letter queue instead,
 * unless there is more to say or nothing was tried: then it is sent as a new message.
 */
export async function handleMessage(message: Message, ports: MessagePorts): Promise<void> {
	const { delivery, body } = message
	const { exportBackup, queue, random, observe } = ports
	try {
		const ending = await exportBackup(delivery)
		if (ending.kind === 'rejected') await queue.deadLetter(body, delivery, ending.error)
		if (delivery.isLast) await finishLast(ending, message, queue)
		else if (ending.kind === 'unpublished') throw ending.error
	} catch (thrown) {
		const error = toExportError(thrown)
		// Every other error has been observed by the use case.
		if (error.code === 'QUEUE_UNAVAILABLE') observe(delivery, error, startProgress())
		if (!delivery.isLast) {
			const { receiptHandle, receiveCount } = message
			const seconds = backOffSeconds({ error, receiveCount, random: random() })
			const failure = await queue.hide(receiptHandle, seconds)
			// Not hidden, it comes back after the visibility time-out. One report of a queue is enough.
			if (failure !== null && error.code !== 'QUEUE_UNAVAILABLE') observe(delivery, failure, startProgress())
		} else if (NOT_TRIED.has(error.code)) {
			await queue.send(body, delivery)
			return
		}
		// On the last receive SQS moves the message once its visibility time-out ends: there is nothing to wait for.
		throw thrown
	}
}

/** Never attempted, but its receives are used up: such a message starts over as a new one. */
const NOT_TRIED: ReadonlySet<ErrorCode> = new Set(['DEADLINE_NEAR', 'IN_PROGRESS'])

async function finishLast(
	{ kind, event }: ExportEnding,
	{ delivery, body }: Message,
	queue: RequestQueue,
): Promise<void> {
	// A stored outcome must be published however long the topic is down. The new message is not marked as redriven: it
	// publishes, and must not start an exhausted export over.
	if (kind === 'unpublished') await queue.send(body, { ...delivery, isRedriven: false })
	if (isExhaustedBy(delivery, event)) {
		throw new ExportError('NCP_LATER', 'retries are used up; the message goes to the dead-letter queue')
	}
}

/** Of several messages about one export, a redrive starts over the one that used up the retries. */
function isExhaustedBy({ trigger }: Delivery, { data }: OutcomeEvent): boolean {
	return data.state === 'exhausted' && data.trigger.id === trigger.id
}
