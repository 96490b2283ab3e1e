import {
	ChangeMessageVisibilityCommand,
	SendMessageCommand,
	type SendMessageCommandInput,
	type SQSClient,
} from '@aws-sdk/client-sqs'
import { cut, type ExportError } from '../errors.ts'
import { REDRIVEN_FROM } from '../queue/redriven.ts'
import type { Delivery } from '../request/delivery.ts'

export interface RequestQueue {
	/** Puts a request on the queue, with what its delivery knew beside it; throws what the SDK throws. */
	send: (body: string, marks: Marks) => Promise<void>
	/** Hides a message for so many seconds. Never throws: without it the queue's own visibility time-out holds. */
	hide: (receiptHandle: string, seconds: number) => Promise<void>
	/** Copies a body to the dead-letter queue with the reason as attributes; throws what the SDK throws. */
	deadLetter: (body: string, marks: Marks, error: ExportError) => Promise<void>
}

/** What a message says beside its body. */
export type Marks = Pick<Delivery, 'traceparent' | 'isRedriven' | 'trigger'>

export interface QueueUrls {
	requestQueueUrl: string
	deadLetterQueueUrl: string
}

/** Every call ends before `leftMs()` is used up: a batch that is held up would be killed, and all of it would come again. */
export function createRequestQueue(
	client: SQSClient,
	{ requestQueueUrl, deadLetterQueueUrl }: QueueUrls,
	leftMs: () => number,
): RequestQueue {
	const sendMessage = async (input: SendMessageCommandInput): Promise<void> => {
		await inTime(leftMs(), (abortSignal) => client.send(new SendMessageCommand(input), { abortSignal }))
	}
	return {
		send: async (body, { traceparent, isRedriven, trigger }) => {
			const attributes = {
				...(traceparent ? { traceparent: toAttribute(traceparent) } : {}),
				...(isRedriven ? { [REDRIVEN_FROM]: toAttribute(trigger.id) } : {}),
			}
			await sendMessage({ QueueUrl: requestQueueUrl, MessageBody: body, MessageAttributes: attributes })
		},
		hide: async (receiptHandle, seconds) => {
			const command = new ChangeMessageVisibilityCommand({
				QueueUrl: requestQueueUrl,
				ReceiptHandle: receiptHandle,
				VisibilityTimeout: seconds,
			})
			await inTime(leftMs(), (abortSignal) => client.send(command, { abortSignal })).catch(() => undefined)
		},
		deadLetter: async (body, { traceparent, trigger }, error) => {
			await sendMessage({
				QueueUrl: deadLetterQueueUrl,
				MessageBody: body,
				MessageAttributes: {
					errorCode: toAttribute(error.code),
					errorMessage: toAttribute(cut(error.message, 500)),
					originalMessageId: toAttribute(trigger.id),
					...(traceparent ? { traceparent: toAttribute(traceparent) } : {}),
				},
			})
		},
	}
}

/** Rejects when `ms` have passed, whatever the client is doing then: between two tries it does not look at the signal. */
async function inTime<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
	const controller = new AbortController()
	const { promise: late, reject } = Promise.withResolvers<never>()
	const stop = (): void => {
		const error = new DOMException('no time was left', 'TimeoutError')
		controller.abort(error)
		reject(error)
	}
	const timer = setTimeout(stop, Math.max(1, Math.floor(ms)))
	try {
		return await Promise.race([run(controller.signal), late])
	} finally {
		clearTimeout(timer)
	}
}

/** SQS refuses a body or an attribute with characters that XML 1.0 does not have. */
function toAttribute(text: string) {
	return {
		DataType: 'String',
		StringValue: text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '?'),
	}
}
