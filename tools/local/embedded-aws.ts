import type { AddressInfo } from 'node:net'
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { buildApp } from 'fauxqs'

export interface Queue {
	url: string
	arn: string
}

export interface EmbeddedAws {
	endpoint: string
	region: string
	sqs: SQSClient
	/** Region, dummy credentials and endpoints, under the SDK's variable names. */
	env: Record<string, string>
	createQueue: (name: string, attributes?: Record<string, string>) => Promise<Queue>
	createTopic: (name: string) => Promise<string>
	/** With raw delivery: the body of the queue's message is the published event. */
	subscribe: (topicArn: string, queue: Queue) => Promise<void>
	createBucket: (name: string) => Promise<void>
	putObject: (bucketName: string, key: string, body: string) => Promise<void>
	readObject: (bucketName: string, key: string) => Promise<string>
	/** Fails the next `count` publishes that contain a text, with an error that callers do not retry. */
	failPublishes: (count: number, containing?: string) => void
	stop: () => Promise<void>
}

const REGION = 'ap-northeast-2'

/**
 * Starts SQS, SNS and S3 in this process, on a free port of 127.0.0.1 and in memory. `maxBackOffSeconds` caps the
 * visibility timeout and delay that a consumer sets, so that a retry comes within seconds.
 */
export async function startEmbeddedAws({
	maxBackOffSeconds = Number.POSITIVE_INFINITY,
} = {}): Promise<EmbeddedAws> {
	const app = buildApp({ logger: false, host: 'localhost', defaultRegion: REGION })
	let publishesToFail = 0
	let failingText = ''
	app.addHook('preHandler', async (request, reply) => {
		const body = (request.body ?? {}) as {
			Action?: string
			VisibilityTimeout?: number
			DelaySeconds?: number
		}
		const { Action: action } = body
		if (
			request.headers['x-amz-target'] === 'AmazonSQS.ChangeMessageVisibility' &&
			body.VisibilityTimeout !== undefined
		) {
			body.VisibilityTimeout = Math.min(body.VisibilityTimeout, maxBackOffSeconds)
		}
		if (body.DelaySeconds !== undefined) body.DelaySeconds = Math.min(body.DelaySeconds, maxBackOffSeconds)
		if (!action?.startsWith('Publish') || publishesToFail === 0) return
		if (!JSON.stringify(body).includes(failingText)) return
		publishesToFail--
		await reply.code(400).type('text/xml').send(PUBLISH_ERROR)
	})
	await app.listen({ port: 0, host: '127.0.0.1' })
	const endpoint = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
	const client = {
		region: REGION,
		endpoint,
		credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
	}
	const sqs = new SQSClient(client)
	const sns = new SNSClient(client)
	const s3 = new S3Client({ ...client, forcePathStyle: true })

	return {
		endpoint,
		region: REGION,
		sqs,
		env: {
			AWS_REGION: REGION,
			AWS_ACCESS_KEY_ID: 'local',
			AWS_SECRET_ACCESS_KEY: 'local',
			AWS_ENDPOINT_URL_SQS: endpoint,
			AWS_ENDPOINT_URL_SNS: endpoint,
			AWS_ENDPOINT_URL_S3: endpoint,
		},
		createQueue: async (name, attributes) => {
			const { QueueUrl = '' } = await sqs.send(
				new CreateQueueCommand({ QueueName: name, ...(attributes ? { Attributes: attributes } : {}) }),
			)
			const { Attributes } = await sqs.send(
				new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
			)
			// fauxqs returns a host name below "localhost", which not every resolver knows.
			return { url: endpoint + new URL(QueueUrl).pathname, arn: Attributes?.QueueArn ?? '' }
		},
		createTopic: async (name) => (await sns.send(new CreateTopicCommand({ Name: name }))).TopicArn ?? '',
		subscribe: async (topicArn, queue) => {
			await sns.send(
				new SubscribeCommand({
					TopicArn: topicArn,
					Protocol: 'sqs',
					Endpoint: queue.arn,
					Attributes: { RawMessageDelivery: 'true' },
				}),
			)
		},
		createBucket: async (name) => {
			await s3.send(new CreateBucketCommand({ Bucket: name }))
		},
		readObject: async (bucketName, key) => {
			const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucketName, Key: key }))
			return (await Body?.transformToString()) ?? ''
		},
		putObject: async (bucketName, key, body) => {
			await s3.send(
				new PutObjectCommand({
					Bucket: bucketName,
					Key: key,
					Body: body,
					ContentLength: Buffer.byteLength(body),
				}),
			)
		},
		failPublishes: (count, containing = '') => {
			failingText = containing
			publishesToFail = count
		},
		stop: async () => {
			for (const each of [sqs, sns, s3]) each.destroy()
			app.server.closeAllConnections()
			await app.close()
		},
	}
}

const PUBLISH_ERROR =
	'<ErrorResponse><Error><Type>Receiver</Type><Code>KMSDisabled</Code><Message>told to fail</Message></Error></ErrorResponse>'
