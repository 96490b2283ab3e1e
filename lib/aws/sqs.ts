import {
	ChangeMessageVisibilityCommand,
	SendMessageCommand,
	type SendMessageCommandInput,
	type SQSClient,
} from '@aws-sdk/client-sqs'
import { type Deadline, inTime } from '../deadline.ts'
import { cut, ExportError, toExportError } from '../errors.ts'
import type { RequestQueue } from '../ports.ts'
import { COVERAGE_POLICY, REDRIVEN_FROM } from '../request/message-attributes.ts'
import { toQueueName } from '../url.ts'
import { fromSdkError } from './sdk-error.ts'

export interface QueueUrls {
	requestQueueUrl: string
	deadLetterQueueUrl: string
}

/** Every call ends before the deadline: a batch that waits longer would be killed, and all of it would be delivered again. */
export function createRequestQueue(
	client: SQSClient,
	{ requestQueueUrl, deadLetterQueueUrl }: QueueUrls,
	deadline: Deadline,
): RequestQueue {
	/** Throws `QUEUE_UNAVAILABLE`. */
	const call = async (
		action: string,
		queueUrl: string,
		send: (abortSignal: AbortSignal) => Promise<unknown>,
	): Promise<void> => {
		await inTime(deadline.leftMs(), send).catch((error) => {
			const cause = fromSdkError(error, { service: 'sqs', action, resource: toQueueName(queueUrl) })
			throw new ExportError('QUEUE_UNAVAILABLE', `the queue cannot be used: ${cause.message}`, { cause })
		})
	}
	const sendMessage = (input: SendMessageCommandInput & { QueueUrl: string }): Promise<void> =>
		call('SendMessage', input.QueueUrl, (abortSignal) =>
			client.send(new SendMessageCommand(input), { abortSignal }),
		)
	return {
		send: async (body, { traceparent, isRedriven, coveragePolicy, trigger }) => {
			const attributes = {
				...(traceparent ? { traceparent: toAttribute(traceparent) } : {}),
				...(isRedriven ? { [REDRIVEN_FROM]: toAttribute(trigger.id) } : {}),
				...(coveragePolicy === undefined ? {} : { [COVERAGE_POLICY]: toAttribute(coveragePolicy) }),
			}
			await sendMessage({ QueueUrl: requestQueueUrl, MessageBody: body, MessageAttributes: attributes })
		},
		hide: async (receiptHandle, seconds) => {
			const command = new ChangeMessageVisibilityCommand({
				QueueUrl: requestQueueUrl,
				ReceiptHandle: receiptHandle,
				VisibilityTimeout: seconds,
			})
			return call('ChangeMessageVisibility', requestQueueUrl, (abortSignal) =>
				client.send(command, { abortSignal }),
			).then(
				() => null,
				(thrown) => {
					const error = toExportError(thrown)
					return STALE.has(error.aws?.code ?? '') ? null : error
				},
			)
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

/** The message is not hidden any more: there is nothing to put off. */
const STALE: ReadonlySet<string> = new Set([
	'InvalidParameterValue', // "… message does not exist or is not available for visibility timeout change"
	'MessageNotInflight',
	'ReceiptHandleIsInvalid',
])

/** SQS refuses a body or an attribute with characters that XML 1.0 does not have. */
function toAttribute(text: string) {
	return {
		DataType: 'String',
		StringValue: text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '?'),
	}
}
