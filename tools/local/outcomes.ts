import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { PublishedEvent } from '../terminal/coverage-row.ts'

export interface OutcomeReader {
	stop: () => Promise<void>
}

/** Calls `onEvent` with each event from the queue that is subscribed to the topic, in order of arrival. The caller knows which kinds come. */
export function readOutcomes<Event extends PublishedEvent>(
	sqs: SQSClient,
	queueUrl: string,
	onEvent: (event: Event) => void,
): OutcomeReader {
	const stopping = new AbortController()
	const take = async (waitSeconds: number, abortSignal?: AbortSignal): Promise<number> => {
		const { Messages = [] } = await sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: queueUrl,
				MaxNumberOfMessages: 10,
				WaitTimeSeconds: waitSeconds,
			}),
			abortSignal === undefined ? {} : { abortSignal },
		)
		for (const { Body } of Messages) onEvent(JSON.parse(Body ?? '') as Event)
		const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
		if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
		return Messages.length
	}
	const loop = async (): Promise<void> => {
		while (!stopping.signal.aborted) await take(20, stopping.signal)
	}
	const done = loop().catch((error: Error) => {
		if (!stopping.signal.aborted) throw error
	})
	return {
		stop: async () => {
			stopping.abort()
			await done
			// Events that arrived in the meantime.
			while ((await take(0)) > 0);
		},
	}
}
