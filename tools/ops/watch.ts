import { randomUUID } from 'node:crypto'
import { SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns'
import {
	CreateQueueCommand,
	DeleteMessageBatchCommand,
	DeleteQueueCommand,
	GetQueueAttributesCommand,
	ReceiveMessageCommand,
	SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { Target } from './target.ts'

/** Should nobody be left to delete the queue, at least nothing piles up in it. */
const RETENTION_SECONDS = '300'

/**
 * Hands over each outcome as it is published, until the signal is raised, or `onOutcome` returns false. Listens with
 * a queue and a subscription of its own, and takes both away again.
 */
export async function watchOutcomes(
	{ sqs, sns, connection }: Target,
	signal: AbortSignal,
	onListening: () => void,
	onOutcome: (event: OutcomeEvent) => boolean,
): Promise<void> {
	await using cleanups = new AsyncDisposableStack()
	const { resultTopicArn: topicArn, requestQueueUrl } = connection
	const name = `ncp-backup-exporter-watch-${randomUUID()}`
	const { QueueUrl: given = '' } = await sqs.send(
		new CreateQueueCommand({
			QueueName: name,
			Attributes: { MessageRetentionPeriod: RETENTION_SECONDS, SqsManagedSseEnabled: 'true' },
		}),
	)
	// On the host that the other queues are on: an emulator may name itself otherwise.
	const QueueUrl = new URL(requestQueueUrl).origin + new URL(given).pathname
	cleanups.defer(async () => void (await sqs.send(new DeleteQueueCommand({ QueueUrl }))))
	const { Attributes } = await sqs.send(
		new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
	)
	const queueArn = Attributes?.QueueArn ?? ''
	const Policy = JSON.stringify(allowTopic(queueArn, topicArn))
	await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }))
	const { SubscriptionArn } = await sns.send(
		new SubscribeCommand({
			TopicArn: topicArn,
			Protocol: 'sqs',
			Endpoint: queueArn,
			Attributes: { RawMessageDelivery: 'true' },
			ReturnSubscriptionArn: true,
		}),
	)
	cleanups.defer(async () => void (await sns.send(new UnsubscribeCommand({ SubscriptionArn }))))
	onListening()
	let isWanted = true
	while (isWanted && !signal.aborted) {
		const { Messages = [] } = await sqs
			.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }), {
				abortSignal: signal,
			})
			.catch((error) => {
				if (signal.aborted) return { Messages: [] }
				throw error
			})
		for (const { Body = '' } of Messages) {
			isWanted &&= onOutcome(JSON.parse(Body) as OutcomeEvent)
		}
		const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
		if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
	}
}

function allowTopic(queueArn: string, topicArn: string): object {
	return {
		Version: '2012-10-17',
		Statement: [
			{
				Effect: 'Allow',
				Principal: { Service: 'sns.amazonaws.com' },
				Action: 'sqs:SendMessage',
				Resource: queueArn,
				Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
			},
		],
	}
}
