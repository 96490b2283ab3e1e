import {
	ChangeMessageVisibilityBatchCommand,
	DeleteMessageCommand,
	type Message,
	type MessageAttributeValue,
	ReceiveMessageCommand,
	SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { parseArrivalCheck } from '../lib/aws/arrival-queue.ts'
import { readPipelineEvent } from '../lib/aws/pipeline-event.ts'
import { REDRIVEN_FROM } from '../lib/aws/redriven.ts'
import { toDelivery } from '../lib/delivery.ts'
import { RequestInvalid } from '../lib/errors.ts'
import { isRecord } from '../lib/export-request.ts'
import { toQueueableJson } from '../lib/outcome.ts'
import { findByRequest } from './status.ts'
import type { Target } from './target.ts'

export const DEAD_QUEUES = ['requests', 'arrivals', 'pipeline'] as const

export type DeadQueue = (typeof DEAD_QUEUES)[number]

export interface DeadLetter {
	queue: DeadQueue
	messageId: string
	sentAt: string
	/** Why it is here, as far as anybody knows. */
	code: string
	reason: string
	/** Rejected: as it is, it can never be carried out, and a redrive ends here again. */
	isHopeless: boolean
	body: string
	receiptHandle: string
	attributes: Record<string, MessageAttributeValue>
}

/** How long others do not see what is being looked at; released at the end. */
const HIDE_SECONDS = 120

/** So many empty answers in a row are an empty queue: SQS may overlook a message, the local one does not. */
const emptyAnswers = ({ isLocal }: Target): number => (isLocal ? 1 : 3)

function urlsOf({ connection }: Target, queue: DeadQueue): { dead: string; source: string } {
	const { requestQueueUrl, deadLetterQueueUrl, arrivalQueueUrl } = connection
	switch (queue) {
		case 'requests':
			return { dead: deadLetterQueueUrl, source: requestQueueUrl }
		case 'arrivals':
			return { dead: connection.arrivalDeadLetterQueueUrl, source: arrivalQueueUrl }
		case 'pipeline':
			return { dead: connection.pipelineDeadLetterQueueUrl, source: requestQueueUrl }
	}
}

/** Up to `limit` dead letters, hidden from others until they are released. */
export async function takeDeadLetters(
	queues: readonly DeadQueue[],
	limit: number,
	target: Target,
): Promise<DeadLetter[]> {
	const perQueue = await Promise.all(queues.map((queue) => takeFrom(queue, limit, target)))
	return perQueue.flat().slice(0, limit)
}

async function takeFrom(queue: DeadQueue, limit: number, target: Target): Promise<DeadLetter[]> {
	const found = new Map<string, DeadLetter>()
	for (let empty = 0; empty < emptyAnswers(target) && found.size < limit; ) {
		const { Messages = [] } = await target.sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: urlsOf(target, queue).dead,
				MaxNumberOfMessages: 10,
				WaitTimeSeconds: 1,
				VisibilityTimeout: HIDE_SECONDS,
				MessageAttributeNames: ['All'],
				MessageSystemAttributeNames: ['All'],
			}),
		)
		empty = Messages.length === 0 ? empty + 1 : 0
		for (const message of Messages) {
			const letter = await toDeadLetter(queue, message, target)
			found.set(letter.messageId, letter)
		}
	}
	return [...found.values()]
}

/** Others see them again at once. */
export async function releaseDeadLetters(letters: readonly DeadLetter[], target: Target): Promise<void> {
	for (const queue of DEAD_QUEUES) {
		const own = letters.filter((letter) => letter.queue === queue)
		for (let start = 0; start < own.length; start += 10) {
			const Entries = own.slice(start, start + 10).map(({ receiptHandle }, index) => ({
				Id: String(index),
				ReceiptHandle: receiptHandle,
				VisibilityTimeout: 0,
			}))
			await target.sqs.send(
				new ChangeMessageVisibilityBatchCommand({ QueueUrl: urlsOf(target, queue).dead, Entries }),
			)
		}
	}
}

/**
 * Sends one back to where it came from, with its trace and a mark, and then takes it away: interrupted in between, it is sent twice,
 * which is one export.
 */
export async function redriveDeadLetter(letter: DeadLetter, target: Target): Promise<void> {
	const { dead, source } = urlsOf(target, letter.queue)
	const { traceparent } = letter.attributes
	await target.sqs.send(
		new SendMessageCommand({
			QueueUrl: source,
			MessageBody: toSourceBody(letter),
			MessageAttributes: {
				...(traceparent ? { traceparent } : {}),
				[REDRIVEN_FROM]: { DataType: 'String', StringValue: letter.messageId },
			},
		}),
	)
	await target.sqs.send(new DeleteMessageCommand({ QueueUrl: dead, ReceiptHandle: letter.receiptHandle }))
}

/** Deletes one for good. */
export async function discardDeadLetter({ queue, receiptHandle }: DeadLetter, target: Target): Promise<void> {
	const QueueUrl = urlsOf(target, queue).dead
	await target.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle }))
}

/** Lambda's record of a failed invocation holds what it was invoked with. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
function toSourceBody({ queue, body }: DeadLetter): string {
	if (queue !== 'pipeline') return body
	const { input } = readPipelineEvent(toRecord(body).requestPayload, '')
	return typeof input === 'string' ? input : toQueueableJson(input)
}

async function toDeadLetter(queue: DeadQueue, message: Message, target: Target): Promise<DeadLetter> {
	const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} } = message
	const why = await explain(queue, Body, MessageAttributes, target)
	return {
		queue,
		messageId: MessageId,
		sentAt: new Date(Number(Attributes.SentTimestamp)).toISOString(),
		isHopeless: false,
		...why,
		body: Body,
		receiptHandle: ReceiptHandle,
		attributes: MessageAttributes,
	}
}

type Why = Pick<DeadLetter, 'code' | 'reason'> & { isHopeless?: boolean }

async function explain(
	queue: DeadQueue,
	body: string,
	{ errorCode, errorMessage }: Record<string, MessageAttributeValue>,
	target: Target,
): Promise<Why> {
	if (errorCode?.StringValue !== undefined)
		return { code: errorCode.StringValue, reason: errorMessage?.StringValue ?? '', isHopeless: true }
	if (queue === 'arrivals') {
		return parseArrivalCheck(body) === null
			? { code: 'REQUEST_UNREADABLE', reason: 'it is no arrival check', isHopeless: true }
			: { code: 'CHECK_NOT_MADE', reason: 'the check could not be made for hours; see the function’s log' }
	}
	if (queue === 'pipeline') {
		const { responsePayload, requestContext } = toRecord(body)
		const { errorType, errorMessage: text } = isRecord(responsePayload) ? responsePayload : {}
		const condition = isRecord(requestContext) ? requestContext.condition : undefined
		return {
			code: String(errorType ?? condition ?? 'UNKNOWN'),
			reason: String(text ?? 'Lambda gives no reason'),
			isHopeless: errorType === 'RequestInvalid',
		}
	}
	return explainRequest(body, target)
}

/** A message that SQS moved here carries no reason: the ledger knows how its export stands. */
async function explainRequest(body: string, target: Target): Promise<Why> {
	const { request } = toDelivery(body, { kind: 'queue', id: '' }, { regionCode: undefined })
	if (request instanceof RequestInvalid)
		return { code: request.code, reason: request.message, isHopeless: true }
	const entry = await findByRequest(request, target)
	const error = entry?.event?.data.error
	if (entry === null) return { code: 'NOT_SETTLED', reason: 'the ledger does not know its export (any more)' }
	if (error) return { code: error.code, reason: `${entry.state}: ${error.message}` }
	return {
		code: 'NOT_SETTLED',
		reason: `its export is ${entry.state}; its last delivery died, or could not publish`,
	}
}

function toRecord(body: string): Record<string, unknown> {
	try {
		const value: unknown = JSON.parse(body)
		return isRecord(value) ? value : {}
	} catch {
		// Put there by somebody else: shown as it is.
		return {}
	}
}
