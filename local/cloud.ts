import { fileURLToPath } from 'node:url'
import { type EmbeddedAws, type Queue, startEmbeddedAws } from './embedded-aws.ts'
import { type EmbeddedTable, startEmbeddedTable } from './embedded-table.ts'
import { createFunction, type LocalFunction } from './function-process.ts'
import { type Intercept, startGate } from './gate.ts'
import { type NcpSimulator, type SimulatorOptions, startNcpSimulator } from './ncp-simulator.ts'
import { pollQueue } from './queue-poller.ts'
import { startWebhookServer } from './webhook-server.ts'

export interface NcpAccess {
	apiUrl: string
	accessKey: string
	secretKey: string
}

export interface CloudOptions {
	/** A real API in place of the simulator. */
	ncp?: NcpAccess
	simulator?: Partial<SimulatorOptions>
	/** On top of what the cloud itself sets. */
	env?: Readonly<Record<string, string>>
	webhookPort?: number
	/** How long a message that nobody hides otherwise stays hidden after a receive. */
	visibilitySeconds?: number
	/** The longest back-off that the queue grants; deployed, a busy instance is asked again after minutes. */
	maxBackOffSeconds?: number
	/** The queue is there, but nothing takes messages off it. */
	isQueueIdle?: boolean
	/** Stops calls to the table and the topic just before or just after they take effect. */
	intercept?: Intercept
	/** Every line a function prints, and what went wrong around them. */
	onLine?: (line: string) => void
}

export interface Cloud {
	aws: EmbeddedAws
	table: EmbeddedTable
	ncp: NcpSimulator | null
	webhookUrl: string
	requestQueue: Queue
	deadLetterQueue: Queue
	/** Subscribed to the topic of outcomes, with raw delivery. */
	outcomeQueue: Queue
	functions: Readonly<Record<'on-queue-message' | 'on-http-request' | 'on-pipeline-event', LocalFunction>>
	/** Lets what is running finish, then takes everything down. */
	stop: () => Promise<void>
}

export const LOCAL_KEYS = { accessKey: 'LOCAL-ACCESS-KEY', secretKey: 'local-secret-key' } as const

/** What the simulator knows, unless it is told otherwise. */
const WORLD: Omit<SimulatorOptions, 'copy'> = {
	keys: new Map([[LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey]]),
	instances: new Map([
		['1234925', { regionCode: 'KR', backups: new Set(['20210528', '20210529', '20210530']) }],
		['1234926', { regionCode: 'KR', backups: new Set(['20210528']), busyCalls: 1 }],
		['1234927', { regionCode: 'KR', backups: new Set(['20210528']), losesReply: true }],
	]),
	buckets: new Set(['my-bucket']),
}

const FUNCTION_TIMEOUT_MS = 10_000
const MAX_RECEIVE_COUNT = 6

/** The whole product on this machine: embedded AWS, NCP or its simulator, and the built bundles. Nothing listens beyond 127.0.0.1. */
export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
	const { onLine = () => undefined, visibilitySeconds = 15, maxBackOffSeconds = 2, intercept } = options
	const aws = await startEmbeddedAws({ maxBackOffSeconds })
	const table = await startEmbeddedTable(aws.region)
	const gates =
		intercept === undefined
			? []
			: await Promise.all([table.endpoint, aws.endpoint].map((url) => startGate(url, intercept)))
	const [tableUrl = table.endpoint, topicUrl = aws.endpoint] = gates.map(({ url }) => url)
	const deadLetterQueue = await aws.createQueue('export-requests-dead')
	const requestQueue = await aws.createQueue('export-requests', {
		VisibilityTimeout: String(visibilitySeconds),
		RedrivePolicy: JSON.stringify({
			deadLetterTargetArn: deadLetterQueue.arn,
			maxReceiveCount: MAX_RECEIVE_COUNT,
		}),
	})
	const outcomeQueue = await aws.createQueue('export-outcomes')
	const topicArn = await aws.createTopic('export-outcomes')
	await aws.subscribe(topicArn, outcomeQueue)

	const ncp = options.ncp ? null : await startSimulator(aws, options.simulator)
	const access = options.ncp ?? { apiUrl: ncp?.url ?? '', ...LOCAL_KEYS }
	const env = {
		...aws.env,
		AWS_ENDPOINT_URL_DYNAMODB: tableUrl,
		AWS_ENDPOINT_URL_SNS: topicUrl,
		EXPORTS_TABLE_NAME: table.tableName,
		REQUEST_QUEUE_URL: requestQueue.url,
		DEAD_LETTER_QUEUE_URL: deadLetterQueue.url,
		MAX_RECEIVE_COUNT: String(MAX_RECEIVE_COUNT),
		NCP_API_URL: access.apiUrl,
		NCP_ACCESS_KEY: access.accessKey,
		NCP_SECRET_KEY: access.secretKey,
		NCP_REGION_CODE: 'KR',
		RESULT_TOPIC_ARN: topicArn,
		WEBHOOK_AUTH: 'none',
		...options.env,
	}
	const create = (name: string): LocalFunction =>
		createFunction({ name, bundle: bundlePath(name), env, timeoutMs: FUNCTION_TIMEOUT_MS, onLine })
	const functions = {
		'on-queue-message': create('on-queue-message'),
		'on-http-request': create('on-http-request'),
		'on-pipeline-event': create('on-pipeline-event'),
	}
	const webhook = await startWebhookServer(functions['on-http-request'], options.webhookPort)
	const source = {
		sqs: aws.sqs,
		queueUrl: requestQueue.url,
		queueArn: requestQueue.arn,
		region: aws.region,
		fn: functions['on-queue-message'],
		onError: onLine,
	}
	const poller = options.isQueueIdle ? null : pollQueue(source)

	const stop = async (): Promise<void> => {
		await Promise.all([poller?.stop(), webhook.stop()])
		await Promise.all(Object.values(functions).map((fn) => fn.stop()))
		await Promise.all(gates.map((gate) => gate.stop()))
		await ncp?.stop()
		await Promise.all([table.stop(), aws.stop()])
	}
	return {
		aws,
		table,
		ncp,
		webhookUrl: webhook.url,
		requestQueue,
		deadLetterQueue,
		outcomeQueue,
		functions,
		stop,
	}
}

export function bundlePath(name: string): string {
	return fileURLToPath(new URL(`../dist/functions/${name}.cjs`, import.meta.url))
}

async function startSimulator(
	aws: EmbeddedAws,
	overrides: Partial<SimulatorOptions> = {},
): Promise<NcpSimulator> {
	const world: SimulatorOptions = {
		...WORLD,
		copy: ({ bucketName, fileName }) => aws.putObject(bucketName, fileName, `backup ${fileName}`),
		...overrides,
	}
	for (const bucket of world.buckets) await aws.createBucket(bucket)
	return startNcpSimulator(world)
}
