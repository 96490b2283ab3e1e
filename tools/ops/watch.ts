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
import type { PublishedEvent } from '../terminal/coverage-row.ts'
import type { Target } from './target.ts'

/** If the command is killed, its queue stays behind; messages in it then expire soon. */
const RETENTION_SECONDS = '300'

/**
 * Calls `onEvent` with each event as it is published, until it returns false or the signal is raised. Creates a
 * queue and a subscription for this, and deletes both at the end.
 */
export async function watchOutcomes(
	{ sqs, sns, connection }: Target,
	signal: AbortSignal,
	onListening: () => void,
	onEvent: (event: PublishedEvent) => boolean,
): Promise<void> {
	await using cleanups = new AsyncDisposableStack()
	const topicArn = connection.resultTopicArn
	const name = `ncp-backup-exporter-watch-${randomUUID()}`
	const { QueueUrl } = await sqs.send(
		new CreateQueueCommand({
			QueueName: name,
			Attributes: { MessageRetentionPeriod: RETENTION_SECONDS, SqsManagedSseEnabled: 'true' },
		}),
	)
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
			isWanted &&= onEvent(JSON.parse(Body) as PublishedEvent)
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
