import {
	DeleteMessageBatchCommand,
	type Message,
	ReceiveMessageCommand,
	type SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { LocalFunction } from './function-process.ts'

export interface PollerOptions {
	sqs: SQSClient
	queueUrl: string
	queueArn: string
	region: string
	fn: LocalFunction
	onError: (text: string) => void
	waitSeconds?: number
}

export interface Poller {
	/** Stops receiving, and resolves when the current batch is finished. */
	stop: () => Promise<void>
}

/**
 * Stands for Lambda's event source mapping: long polls, invokes the function with Lambda's event shape, and deletes the
 * messages that are not in `batchItemFailures`.
 */
export function pollQueue(options: PollerOptions): Poller {
	const stopping = new AbortController()
	const loop = async (): Promise<void> => {
		while (!stopping.signal.aborted) await pollOnce(options, stopping.signal)
	}
	const done = loop().catch((error: Error) =>
		options.onError(`the poller of ${options.queueUrl} failed: ${error.message}`),
	)
	return {
		stop: () => {
			stopping.abort()
			return done
		},
	}
}

/** One long poll, and one invocation if messages came. Resolves with the number of messages. */
export async function pollOnce(options: PollerOptions, signal: AbortSignal): Promise<number> {
	const messages = await receive(options, signal)
	if (messages.length > 0) await handBatch(options, messages)
	return messages.length
}

async function receive(
	{ sqs, queueUrl, waitSeconds = 20 }: PollerOptions,
	signal: AbortSignal,
): Promise<Message[]> {
	try {
		const { Messages } = await sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: queueUrl,
				MaxNumberOfMessages: 10,
				WaitTimeSeconds: waitSeconds,
				MessageAttributeNames: ['All'],
				MessageSystemAttributeNames: ['All'],
			}),
			{ abortSignal: signal },
		)
		return Messages ?? []
	} catch (error) {
		if (signal.aborted) return []
		throw error
	}
}

async function handBatch(options: PollerOptions, messages: Message[]): Promise<void> {
	const { sqs, queueUrl, fn } = options
	const result = await fn.invoke({ Records: messages.map((message) => toRecord(message, options)) })
	// The invocation failed: the whole batch stays in the queue and is redelivered.
	if (!result.ok) return
	const failed = failedIds(result.value, messages)
	const finished = messages.filter(({ MessageId }) => !failed.has(MessageId ?? ''))
	if (finished.length === 0) return
	await sqs.send(
		new DeleteMessageBatchCommand({
			QueueUrl: queueUrl,
			Entries: finished.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
		}),
	)
}

/** Lambda's rule: an id that is not in the batch fails the whole batch. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html */
function failedIds(value: unknown, messages: Message[]): Set<string> {
	const all = new Set(messages.map(({ MessageId }) => MessageId ?? ''))
	const failures = (value as SQSBatchResponse | null)?.batchItemFailures ?? []
	const ids = new Set(failures.map(({ itemIdentifier }) => itemIdentifier))
	return [...ids].every((id) => all.has(id)) ? ids : all
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function toRecord(message: Message, { queueArn, region }: PollerOptions): SQSRecord {
	const {
		MessageId = '',
		ReceiptHandle = '',
		Body = '',
		MD5OfBody = '',
		Attributes = {},
		MessageAttributes = {},
	} = message
	return {
		messageId: MessageId,
		receiptHandle: ReceiptHandle,
		body: Body,
		attributes: Attributes as unknown as SQSRecord['attributes'],
		messageAttributes: Object.fromEntries(
			Object.entries(MessageAttributes).map(([name, { DataType, StringValue }]) => [
				name,
				{
					dataType: DataType ?? 'String',
					...(StringValue === undefined ? {} : { stringValue: StringValue }),
					stringListValues: [],
					binaryListValues: [],
				},
			]),
		),
		md5OfBody: MD5OfBody,
		eventSource: 'aws:sqs',
		eventSourceARN: queueArn,
		awsRegion: region,
	}
}
