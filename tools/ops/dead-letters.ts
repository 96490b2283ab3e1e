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
import { isRecord, parseRecord, toQueueableJson } from '../../lib/formats/json.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { readPipelineEvent } from '../../lib/request/pipeline-event.ts'
import { REDRIVEN_FROM } from '../../lib/request/redriven.ts'
import { OpsError, toWords } from './ops-error.ts'
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
const HIDE_SECONDS = 300

/** Whoever works on letters stops by then: afterwards others may have them. */
export const WORK_MS = (HIDE_SECONDS - 60) * 1_000

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

/**
 * Takes up to `limit` dead letters into `letters`, hidden from others until they are released: whoever owns the set does
 * that, also when this throws. Ends early when the signal is raised.
 */
export async function takeDeadLetters(
	letters: Set<DeadLetter>,
	queues: readonly DeadQueue[],
	limit: number,
	target: Target,
	signal: AbortSignal,
): Promise<void> {
	let left = limit
	const takeFrom = async (queue: DeadQueue): Promise<void> => {
		const known = new Set<string>()
		for (let empty = 0; empty < emptyAnswers(target) && left > 0 && !signal.aborted; ) {
			const count = Math.min(10, left)
			// The other queues are asked at the same time: together no more than the limit.
			left -= count
			const messages = await receive(queue, count, target)
			const fresh = messages.filter(({ MessageId = '' }) => !known.has(MessageId))
			left += count - fresh.length
			for (const message of messages) known.add(message.MessageId ?? '')
			const taken = fresh.map((message) => toDeadLetter(queue, message))
			for (const letter of taken) letters.add(letter)
			await Promise.all(taken.map((letter) => explain(letter, target)))
			// What comes a second time was hidden for long enough: there is nothing new.
			empty = fresh.length === 0 ? empty + 1 : 0
		}
	}
	await Promise.all(queues.map(takeFrom))
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

/** How many letters nobody sees now, since a command, perhaps one that died, is looking at them. */
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
	const { requestPayload } = parseRecord(body) ?? {}
	if (requestPayload === undefined) throw new OpsError('it does not hold what the function was invoked with')
	const { input } = readPipelineEvent(requestPayload, '')
	return typeof input === 'string' ? input : toQueueableJson(input)
}

function toDeadLetter(queue: DeadQueue, message: Message): DeadLetter {
	const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} } = message
	return {
		queue,
		messageId: MessageId,
		sentAt: new Date(Number(Attributes.SentTimestamp)).toISOString(),
		code: 'UNKNOWN',
		reason: '',
		isHopeless: false,
		body: Body,
		receiptHandle: ReceiptHandle,
		attributes: MessageAttributes,
	}
}

/** Says in the letter why it is here. Never throws: a ledger that does not answer is no reason to hide a letter. */
async function explain(letter: DeadLetter, target: Target): Promise<void> {
	Object.assign(letter, await explainLetter(letter, target))
}

type Why = Pick<DeadLetter, 'code' | 'reason'> & { isHopeless?: boolean }

async function explainLetter({ queue, body, attributes }: DeadLetter, target: Target): Promise<Why> {
	const { errorCode, errorMessage, originalMessageId } = attributes
	// All three are the function's own; a sender may have set one of them.
	if (errorCode?.StringValue !== undefined && errorMessage !== undefined && originalMessageId !== undefined)
		return { code: errorCode.StringValue, reason: errorMessage.StringValue ?? '', isHopeless: true }
	switch (queue) {
		case 'arrivals':
			return parseArrivalCheck(body) === null
				? { code: 'REQUEST_UNREADABLE', reason: 'it is no arrival check', isHopeless: true }
				: { code: 'CHECK_NOT_MADE', reason: 'the check could not be made for hours; see the function’s log' }
		case 'pipeline':
			return explainInvocation(parseRecord(body) ?? {})
		case 'requests':
			return explainRequest(body, target)
	}
}

function explainInvocation({
	requestPayload,
	responsePayload,
	requestContext,
}: Record<string, unknown>): Why {
	if (requestPayload === undefined)
		return { code: 'UNKNOWN', reason: 'it is no record of an invocation', isHopeless: true }
	const { errorType, errorMessage } = isRecord(responsePayload) ? responsePayload : {}
	const condition = isRecord(requestContext) ? requestContext.condition : undefined
	return {
		code: String(errorType ?? condition ?? 'UNKNOWN'),
		reason: String(errorMessage ?? 'Lambda gives no reason'),
		isHopeless: errorType === 'RequestInvalid',
	}
}

/** A message that SQS moved here carries no reason: the ledger knows how its export stands. */
async function explainRequest(body: string, target: Target): Promise<Why> {
	const delivery = toDelivery(body, { kind: 'queue', id: '' }, { regionCode: undefined })
	if (delivery.kind === 'invalid') {
		const { code, message } = delivery.error
		return { code, reason: message, isHopeless: true }
	}
	try {
		const entry = await findByRequest(delivery.request, target)
		const error = entry?.event?.data.error
		if (entry === null)
			return { code: 'NOT_SETTLED', reason: 'the ledger does not know its export (any more)' }
		if (error) return { code: error.code, reason: `${entry.state}: ${error.message}` }
		const reason = `its export is ${entry.state}; its last delivery died, or could not publish`
		return { code: 'NOT_SETTLED', reason }
	} catch (error) {
		return { code: 'UNKNOWN', reason: `the ledger cannot tell: ${toWords(error)}` }
	}
}
