import {
	ChangeMessageVisibilityBatchCommand,
	DeleteMessageCommand,
	GetQueueAttributesCommand,
	type Message,
	type MessageAttributeValue,
	ReceiveMessageCommand,
	SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'
import { readOrder } from '../../lib/coverage/read-order.ts'
import { PolicyInvalid } from '../../lib/errors.ts'
import { isRecord, parseRecord, toQueueableJson } from '../../lib/formats/json.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { COVERAGE_POLICY, REDRIVEN_FROM } from '../../lib/request/message-attributes.ts'
import { readPipelineEvent } from '../../lib/request/pipeline-event.ts'
import { OpsError, toMessage } from './ops-error.ts'
import { findByRequest } from './status.ts'
import type { Target as WholeTarget } from './target.ts'

/** What reading and moving dead letters needs of a target. */
export type Target = Pick<WholeTarget, 'isLocal' | 'connection' | 'sqs' | 'items'>

export const DEAD_QUEUES = ['requests', 'arrivals', 'coverage', 'pipeline'] as const

export type DeadQueue = (typeof DEAD_QUEUES)[number]

export interface DeadLetter {
	queue: DeadQueue
	messageId: string
	/** Of the rejected message that this one is a copy of. Null for a message that was moved here, and not copied. */
	originalMessageId: string | null
	sentAt: string
	/** Why it is a dead letter, or `UNKNOWN`. */
	code: string
	reason: string
	/** The message can never succeed as it is: a redrive would end in the dead-letter queue again. */
	isRejected: boolean
	body: string
	receiptHandle: string
	attributes: Record<string, MessageAttributeValue>
}

/** How long the letters that a command has taken are hidden from others. They are released when it ends. */
const HIDE_SECONDS = 300

/** A command stops working on letters after this time: a minute later, another command may receive them. */
export const WORK_MS = (HIDE_SECONDS - 60) * 1_000

/** The number of empty receives in a row that prove a queue empty: SQS may miss a message, the local queue does not. */
const emptyReceives = ({ isLocal }: Target): number => (isLocal ? 1 : 3)

function urlsOf({ connection }: Target, queue: DeadQueue): { dead: string; source: string } {
	const { requestQueueUrl, deadLetterQueueUrl, arrivalQueueUrl } = connection
	switch (queue) {
		case 'requests':
			return { dead: deadLetterQueueUrl, source: requestQueueUrl }
		case 'arrivals':
			return { dead: connection.arrivalDeadLetterQueueUrl, source: arrivalQueueUrl }
		case 'coverage':
			return { dead: connection.coverageDeadLetterQueueUrl, source: connection.coverageQueueUrl }
		case 'pipeline':
			return { dead: connection.pipelineDeadLetterQueueUrl, source: requestQueueUrl }
	}
}

/** Whether an operator means this letter: by its own id, or by that of the message it is a copy of, which logs name. */
export function isNamed({ messageId, originalMessageId }: DeadLetter, id: string | undefined): boolean {
	return id !== undefined && (messageId === id || originalMessageId === id)
}

/** A queue that could not be read, and why. */
export interface UnreadableQueue {
	queue: DeadQueue
	reason: string
}

/**
 * Takes up to `limit` dead letters into `letters` and hides them from others. The caller releases them, also when this
 * throws. Returns the queues that could not be read. Ends early when the signal is raised.
 */
export async function takeDeadLetters(
	letters: Set<DeadLetter>,
	queues: readonly DeadQueue[],
	limit: number,
	target: Target,
	signal: AbortSignal,
): Promise<UnreadableQueue[]> {
	let left = limit
	const known = new Set<string>()
	const unreadable: UnreadableQueue[] = []
	/** Resolves with true when the limit was used up before the queue was empty. */
	const takeFrom = async (queue: DeadQueue): Promise<boolean> => {
		for (let empty = 0; empty < emptyReceives(target); ) {
			if (left <= 0 || signal.aborted) return true
			const count = Math.min(10, left)
			// Reserved before the call: the other queues are read at the same time, under the same limit.
			left -= count
			const messages = await receive(queue, count, target).catch((error) => {
				unreadable.push({ queue, reason: toMessage(error) })
				return null
			})
			const fresh = messages?.filter(({ MessageId = '' }) => !known.has(MessageId)) ?? []
			left += count - fresh.length
			if (messages === null) return false
			const taken = fresh.map((message) => toDeadLetter(queue, message))
			for (const letter of taken) {
				known.add(letter.messageId)
				letters.add(letter)
			}
			await Promise.all(taken.map((letter) => explain(letter, target)))
			// Only messages that were taken before: their hiding time is over, and there are no others.
			empty = fresh.length === 0 ? empty + 1 : 0
		}
		return false
	}
	let open = queues
	// Again while part of the limit is free: a queue may have reserved more than it held.
	while (open.length > 0 && left > 0 && !signal.aborted) {
		const areLeft = await Promise.all(open.map(takeFrom))
		open = open.filter((_queue, index) => areLeft[index])
	}
	return unreadable
}

async function receive(queue: DeadQueue, count: number, target: Target): Promise<Message[]> {
	const { Messages = [] } = await target.sqs.send(
		new ReceiveMessageCommand({
			QueueUrl: urlsOf(target, queue).dead,
			MaxNumberOfMessages: count,
			// A short poll asks only some of SQS's servers.
			WaitTimeSeconds: target.isLocal ? 0 : 1,
			VisibilityTimeout: HIDE_SECONDS,
			MessageAttributeNames: ['All'],
			MessageSystemAttributeNames: ['All'],
		}),
	)
	return Messages
}

/** The number of letters that another command, perhaps one that was killed, is hiding. */
export async function countHidden(queues: readonly DeadQueue[], target: Target): Promise<number> {
	const counts = await Promise.all(
		queues.map(async (queue) => {
			const { Attributes } = await target.sqs.send(
				new GetQueueAttributesCommand({
					QueueUrl: urlsOf(target, queue).dead,
					AttributeNames: ['ApproximateNumberOfMessagesNotVisible'],
				}),
			)
			return Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0)
		}),
	)
	return counts.reduce((sum, count) => sum + count, 0)
}

/** Ends the hiding of letters, so that other commands can receive them. */
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
 * Sends a letter back to its source queue, with its trace and a mark, then deletes it. Interrupted in between, it is
 * sent twice; the second message finds the same export and does nothing.
 */
export async function redriveDeadLetter(letter: DeadLetter, target: Target): Promise<void> {
	const { dead, source } = urlsOf(target, letter.queue)
	const { traceparent, [COVERAGE_POLICY]: policy } = letter.attributes
	await target.sqs.send(
		new SendMessageCommand({
			QueueUrl: source,
			MessageBody: toSourceBody(letter),
			MessageAttributes: {
				...(traceparent ? { traceparent } : {}),
				...(policy ? { [COVERAGE_POLICY]: policy } : {}),
				[REDRIVEN_FROM]: { DataType: 'String', StringValue: letter.messageId },
			},
		}),
	)
	await target.sqs.send(new DeleteMessageCommand({ QueueUrl: dead, ReceiptHandle: letter.receiptHandle }))
}

export async function discardDeadLetter({ queue, receiptHandle }: DeadLetter, target: Target): Promise<void> {
	const QueueUrl = urlsOf(target, queue).dead
	await target.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle }))
}

/** Lambda's record of a failed invocation holds the event of that invocation. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
function toSourceBody({ queue, body }: DeadLetter): string {
	if (queue !== 'pipeline') return body
	const { requestPayload } = parseRecord(body) ?? {}
	if (requestPayload === undefined)
		throw new OpsError('the record does not hold the event that the function was invoked with')
	const { input } = readPipelineEvent(requestPayload, '')
	return typeof input === 'string' ? input : toQueueableJson(input)
}

function toDeadLetter(queue: DeadQueue, message: Message): DeadLetter {
	const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} } = message
	return {
		queue,
		messageId: MessageId,
		originalMessageId: null,
		sentAt: new Date(Number(Attributes.SentTimestamp)).toISOString(),
		code: 'UNKNOWN',
		reason: '',
		isRejected: false,
		body: Body,
		receiptHandle: ReceiptHandle,
		attributes: MessageAttributes,
	}
}

/** Sets the code and reason of a letter. Never throws: a letter is listed even when the table cannot be read. */
async function explain(letter: DeadLetter, target: Target): Promise<void> {
	Object.assign(letter, await explainLetter(letter, target))
}

type Why = Pick<DeadLetter, 'code' | 'reason'> & Partial<Pick<DeadLetter, 'isRejected' | 'originalMessageId'>>

async function explainLetter({ queue, body, attributes }: DeadLetter, target: Target): Promise<Why> {
	const { errorCode, errorMessage, originalMessageId } = attributes
	// The function sets all three when it copies a rejected message; a sender may have set any one of them.
	if (errorCode?.StringValue !== undefined && errorMessage !== undefined && originalMessageId !== undefined)
		return {
			code: errorCode.StringValue,
			reason: errorMessage.StringValue ?? '',
			isRejected: true,
			originalMessageId: originalMessageId.StringValue ?? null,
		}
	switch (queue) {
		case 'arrivals':
			return parseArrivalCheck(body) === null
				? { code: 'REQUEST_UNREADABLE', reason: 'the message is not an arrival check', isRejected: true }
				: { code: 'CHECK_NOT_MADE', reason: 'the check failed for hours; see the log of on-arrival-check' }
		case 'coverage':
			return explainOrder(body)
		case 'pipeline':
			return explainInvocation(parseRecord(body) ?? {})
		case 'requests':
			return explainRequest(body, target)
	}
}

function explainOrder(body: string): Why {
	try {
		readOrder(body, {}, Date.now())
	} catch (error) {
		if (!(error instanceof PolicyInvalid)) throw error
		return { code: error.code, reason: error.message, isRejected: true }
	}
	return {
		code: 'CHECK_NOT_MADE',
		reason:
			'the check failed for hours; see the log of on-coverage-check. Later sweeps check the instance, too',
	}
}

function explainInvocation({
	requestPayload,
	responsePayload,
	requestContext,
}: Record<string, unknown>): Why {
	if (requestPayload === undefined)
		return {
			code: 'UNKNOWN',
			reason: 'the message is not the record of a failed invocation',
			isRejected: true,
		}
	const { errorType, errorMessage } = isRecord(responsePayload) ? responsePayload : {}
	const condition = isRecord(requestContext) ? requestContext.condition : undefined
	return {
		code: String(errorType ?? condition ?? 'UNKNOWN'),
		reason: String(errorMessage ?? 'Lambda recorded no error message'),
		isRejected: errorType === 'RequestInvalid',
	}
}

/** A message that SQS moved to the dead-letter queue carries no reason; the state of its export in the table may give one. */
async function explainRequest(body: string, target: Target): Promise<Why> {
	const delivery = toDelivery(body, { kind: 'queue', id: '' }, {})
	if (delivery.kind === 'invalid') {
		const { code, message } = delivery.error
		return { code, reason: message, isRejected: true }
	}
	try {
		const entry = await findByRequest(delivery.request, target)
		const error = entry?.event?.data.error
		if (entry === null)
			return { code: 'NOT_SETTLED', reason: 'the table does not hold its export, or no longer' }
		if (error) return { code: error.code, reason: `${entry.state}: ${error.message}` }
		const reason = `its export is ${entry.state}; the last delivery timed out, crashed, or could not publish`
		return { code: 'NOT_SETTLED', reason }
	} catch (error) {
		return { code: 'UNKNOWN', reason: `the state of its export cannot be read: ${toMessage(error)}` }
	}
}
