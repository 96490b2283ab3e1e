import { SendMessageBatchCommand, type SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs'
import { toQueueableJson } from '../../lib/formats/json.ts'
import { type ExportRequest, toApiRequest } from '../../lib/request/export-request.ts'
import { startProgressBar } from '../terminal/progress-bar.ts'
import { toMessage } from './ops-error.ts'
import type { Target } from './target.ts'

export interface Sent {
	request: ExportRequest
	/** Null when the request was not sent. */
	messageId: string | null
	reason: string | null
}

/** SQS's limit of a batch. */
const BATCH = 10
const MAX_TRIES = 3

/** Puts requests on the queue, in order, and returns a result for each. After the signal is raised, no more are sent. */
export async function sendRequests(
	requests: readonly ExportRequest[],
	target: Target,
	signal: AbortSignal,
): Promise<Sent[]> {
	const bar = startProgressBar(requests.length)
	const all: Sent[] = []
	for (let start = 0; start < requests.length; start += BATCH) {
		const batch = requests.slice(start, start + BATCH)
		all.push(
			...(signal.aborted
				? batch.map((request) => unsent(request, 'interrupted'))
				: await sendBatch(batch, target)),
		)
		bar.update(all.length)
	}
	bar.clear()
	return all
}

async function sendBatch(batch: readonly ExportRequest[], { sqs, connection }: Target): Promise<Sent[]> {
	const sent: Sent[] = batch.map((request) => unsent(request, 'not sent'))
	for (let tries = 0; tries < MAX_TRIES; tries++) {
		const Entries: SendMessageBatchRequestEntry[] = sent.flatMap(({ request, messageId }, index) =>
			messageId === null ? [{ Id: String(index), MessageBody: toQueueableJson(toApiRequest(request)) }] : [],
		)
		if (Entries.length === 0) break
		try {
			const command = new SendMessageBatchCommand({ QueueUrl: connection.requestQueueUrl, Entries })
			const { Successful = [], Failed = [] } = await sqs.send(command)
			for (const { Id, MessageId = '' } of Successful) take(sent, Id, MessageId, null)
			for (const { Id, Code = 'unknown' } of Failed) take(sent, Id, null, Code)
		} catch (error) {
			// The SDK has retried already. Some messages may have been queued; a repeated request does not export twice.
			for (const { Id } of Entries) take(sent, Id, null, toMessage(error))
			break
		}
	}
	return sent
}

function take(sent: Sent[], id: string | undefined, messageId: string | null, reason: string | null): void {
	const item = sent[Number(id)]
	if (item !== undefined) Object.assign(item, { messageId, reason })
}

function unsent(request: ExportRequest, reason: string): Sent {
	return { request, messageId: null, reason }
}
