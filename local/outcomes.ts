import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { OutcomeEvent } from '../lib/outcome.ts'

export interface OutcomeReader {
	stop: () => Promise<void>
}

/** Hands over each outcome that reaches the queue behind the topic, in the order of arrival. */
export function readOutcomes(
	sqs: SQSClient,
	queueUrl: string,
	onOutcome: (event: OutcomeEvent) => void,
): OutcomeReader {
	const stopping = new AbortController()
	const loop = async (): Promise<void> => {
		while (!stopping.signal.aborted) {
			const { Messages = [] } = await sqs.send(
				new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
				{ abortSignal: stopping.signal },
			)
			for (const { Body, ReceiptHandle } of Messages) {
				onOutcome(JSON.parse(Body ?? '') as OutcomeEvent)
				await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
			}
		}
	}
	const done = loop().catch((error: Error) => {
		if (!stopping.signal.aborted) throw error
	})
	return {
		stop: () => {
			stopping.abort()
			return done
		},
	}
}
