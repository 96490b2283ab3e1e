import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'

/** Takes `count` outcomes from the queue, in the order of arrival. Fails when none arrives for 15 s. */
export async function takeOutcomes(sqs: SQSClient, queueUrl: string, count: number): Promise<OutcomeEvent[]> {
	const events: OutcomeEvent[] = []
	while (events.length < count) {
		const { Messages = [] } = await sqs.send(
			new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 15 }),
		)
		if (Messages.length === 0) throw new Error(`only ${events.length} of ${count} outcomes came`)
		for (const { Body, ReceiptHandle } of Messages) {
			events.push(JSON.parse(Body ?? '') as OutcomeEvent)
			await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
		}
	}
	return events
}
