import { join } from 'node:path'
import type { LocalConnection } from '../ops/connection.ts'
import { type EmbeddedAws, type Queue, startEmbeddedAws } from './embedded-aws.ts'
import { type EmbeddedTable, startEmbeddedTable } from './embedded-table.ts'
import { createFunction, type LocalFunction } from './function-process.ts'
import {
	type Instance,
	type NcpSimulator,
	type SimulatorOptions,
	startNcpSimulator,
} from './ncp-simulator.ts'
import { type PollerOptions, pollOnce, pollQueue } from './queue-poller.ts'
import { startWebhookServer } from './webhook-server.ts'

export interface NcpAccess {
	apiUrl: string
	accessKey: string
	secretKey: string
}

/** A server between the functions and one service. */
export interface Proxy {
	url: string
	stop: () => Promise<void>
}

export interface CloudOptions {
	/** A real API instead of the simulator. */
	ncp?: NcpAccess
	simulator?: Partial<SimulatorOptions>
	/** Added to the environment of the functions; overrides it. */
	env?: Readonly<Record<string, string>>
	webhookPort?: number
	/** Receives before a message moves to the dead-letter queue. */
	maxReceiveCount?: number
	/** The queues' visibility timeout. */
	visibilitySeconds?: number
	/** How often an arrival check is received before it is a dead letter. */
	arrivalReceiveCount?: number
	/** Caps the visibility timeout and delay that a function asks for; deployed, they are minutes. */
	maxBackOffSeconds?: number
	/** The folder of the bundles, if not the one of `npm run build`. */
	bundles?: string
	/** How often a coverage check is received before it is a dead letter. */
	coverageReceiveCount?: number
	/** Turns arrival checks on, with this deadline, and coverage checks, which cannot do without the bucket either. */
	arrivalDeadlineMinutes?: number
	/** The queues exist, but no poller reads them; see `pollOnce`. */
	isQueueIdle?: boolean
	/** An invocation that takes longer is killed. */
	functionTimeoutMs?: number
	/** The clock of the functions and the simulator: milliseconds since the epoch. */
	now?: () => number
	/** Called with the URL of each service: first SQS, SNS and S3, then DynamoDB. The functions use the proxy's URL. */
	proxy?: (serviceUrl: string) => Promise<Proxy>
	/** Called with each line that a function prints. */
	onLine?: (line: string) => void
	/** Called when a function could not start, crashed or timed out, and when a poller fails. */
	onProblem?: (text: string) => void
}

export interface Cloud {
	aws: EmbeddedAws
	table: EmbeddedTable
	ncp: NcpSimulator | null
	webhookUrl: string
	/** The environment of the functions. */
	env: Readonly<Record<string, string>>
	requestQueue: Queue
	deadLetterQueue: Queue
	/** Subscribed to the topic of outcomes, with raw delivery. */
	outcomeQueue: Queue
	arrivalQueue: Queue
	arrivalDeadLetterQueue: Queue
	coverageQueue: Queue
	coverageDeadLetterQueue: Queue
	/** Deployed, Lambda writes failed asynchronous invocations here. Here the queue stays empty. */
	pipelineDeadLetterQueue: Queue
	/** What `npm run ops` connects to. */
	connection: LocalConnection
	functions: Readonly<Record<'on-queue-message' | 'on-http-request' | 'on-pipeline-event', LocalFunction>>
	/** Null when arrival checks are off. */
	arrivalFunction: LocalFunction | null
	/** Null when arrival checks are off. Nothing here runs its schedules. */
	coverageFunction: LocalFunction | null
	/** Receives one batch and invokes the function; for a cloud with `isQueueIdle`. */
	pollOnce: (queue?: 'requests' | 'arrivals' | 'coverage', waitSeconds?: number) => Promise<number>
	/** Accepts no more requests and messages, and waits for running invocations. Queues and topic stay. */
	quiesce: () => Promise<void>
	/** Quiesces, then stops every service. */
	stop: () => Promise<void>
}

const BUNDLES = join(import.meta.dirname, '../../dist/functions')

export const LOCAL_KEYS = { accessKey: 'LOCAL-ACCESS-KEY', secretKey: 'local-secret-key' } as const

/** The simulator's default instances: one for each way that an export can end, and one of each other product. */
export const INSTANCES: SimulatorOptions['instances'] = new Map<string, Instance>([
	['1234925', { regionCode: 'KR', backups: new Set(['20210528', '20210529', '20210530']) }],
	['1234926', { regionCode: 'KR', backups: new Set(['20210528']), busyCalls: 1 }],
	['1234927', { regionCode: 'KR', backups: new Set(['20210528']), losesReply: true }],
	['1234928', { regionCode: 'KR', backups: new Set(['20210601']), landing: 'never' }],
	['2234925', { product: 'vmysql', regionCode: 'KR', backups: new Set(['20210528']) }],
	// Not named by date: MongoDB's names are ids.
	['3234925', { product: 'vmongodb', regionCode: 'KR', backups: new Set(['668583966f0a']) }],
	['4234925', { product: 'vcache', regionCode: 'KR', backups: new Set(['cache-20210528']) }],
])

const WORLD: Omit<SimulatorOptions, 'copy'> = {
	keys: new Map([[LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey]]),
	instances: INSTANCES,
	buckets: new Set(['my-bucket']),
}

const FUNCTION_TIMEOUT_MS = 10_000
export const MAX_RECEIVE_COUNT = 6
export const MAX_LOCAL_BACK_OFF_SECONDS = 2
const ARRIVAL_RECEIVE_COUNT = 100
const COVERAGE_RECEIVE_COUNT = 100

/** The deadline of `npm start` with the simulator. Deployed, it is 120 minutes, and the first check comes after 30 seconds; here after two. */
export const START_ARRIVAL_SECONDS = 30

/**
 * Starts the product on this machine: emulated AWS, NCP or its simulator, and the built functions. Everything listens on
 * 127.0.0.1 only.
 */
export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
	const { onLine, onProblem = console.error } = options
	const { visibilitySeconds = 15, maxBackOffSeconds = MAX_LOCAL_BACK_OFF_SECONDS } = options
	const { maxReceiveCount = MAX_RECEIVE_COUNT, arrivalReceiveCount = ARRIVAL_RECEIVE_COUNT } = options
	const { coverageReceiveCount = COVERAGE_RECEIVE_COUNT } = options
	// Stops what has started, in reverse order: in stop(), or here when a later part cannot start.
	await using stack = new AsyncDisposableStack()
	const keep = <Started extends { stop: () => Promise<void> }>(started: Started): Started => {
		stack.defer(started.stop)
		return started
	}
	const aws = keep(await startEmbeddedAws({ maxBackOffSeconds }))
	const table = keep(await startEmbeddedTable(aws.region))
	const throughProxy = async (url: string): Promise<string> =>
		options.proxy === undefined ? url : keep(await options.proxy(url)).url
	const awsEndpoint = await throughProxy(aws.endpoint)
	const toProxy = (url: string): string => url.replace(aws.endpoint, awsEndpoint)
	/** A queue and its dead-letter queue. */
	const createQueues = async (name: string, maxReceiveCount: number): Promise<[Queue, Queue]> => {
		const dead = await aws.createQueue(`${name}-dead`)
		const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount })
		const VisibilityTimeout = String(visibilitySeconds)
		return [await aws.createQueue(name, { VisibilityTimeout, RedrivePolicy }), dead]
	}
	const [requestQueue, deadLetterQueue] = await createQueues('export-requests', maxReceiveCount)
	const [arrivalQueue, arrivalDeadLetterQueue] = await createQueues('export-arrivals', arrivalReceiveCount)
	const [coverageQueue, coverageDeadLetterQueue] = await createQueues('export-coverage', coverageReceiveCount)
	const pipelineDeadLetterQueue = await aws.createQueue('export-pipeline-dead')
	const outcomeQueue = await aws.createQueue('export-outcomes')
	const topicArn = await aws.createTopic('export-outcomes')
	await aws.subscribe(topicArn, outcomeQueue)

	const { now } = options
	const simulated = { ...(now ? { now } : {}), ...options.simulator }
	const ncp = options.ncp ? null : keep(await startSimulator(aws, simulated))
	const access = options.ncp ?? { apiUrl: ncp?.url ?? '', ...LOCAL_KEYS }
	const env = {
		...aws.env,
		AWS_ENDPOINT_URL_DYNAMODB: await throughProxy(table.endpoint),
		AWS_ENDPOINT_URL_SNS: awsEndpoint,
		AWS_ENDPOINT_URL_SQS: awsEndpoint,
		EXPORTS_TABLE_NAME: table.tableName,
		REQUEST_QUEUE_URL: toProxy(requestQueue.url),
		DEAD_LETTER_QUEUE_URL: toProxy(deadLetterQueue.url),
		MAX_RECEIVE_COUNT: String(maxReceiveCount),
		NCP_API_URL: access.apiUrl,
		NCP_ACCESS_KEY: access.accessKey,
		NCP_SECRET_KEY: access.secretKey,
		NCP_REGION_CODE: 'KR',
		RESULT_TOPIC_ARN: topicArn,
		WEBHOOK_AUTH: 'none',
		...(options.arrivalDeadlineMinutes === undefined
			? {}
			: {
					ARRIVAL_QUEUE_URL: toProxy(arrivalQueue.url),
					ARRIVAL_DEADLINE_MINUTES: String(options.arrivalDeadlineMinutes),
					COVERAGE_QUEUE_URL: toProxy(coverageQueue.url),
					OBJECT_STORAGE_URL: awsEndpoint,
					OBJECT_STORAGE_REGION: 'kr-standard',
				}),
		...options.env,
	}
	const create = (name: string, own: Readonly<Record<string, string>> = {}): LocalFunction =>
		keep(
			createFunction({
				name,
				bundle: bundlePath(name, options.bundles),
				env: { ...env, ...own },
				timeoutMs: options.functionTimeoutMs ?? FUNCTION_TIMEOUT_MS,
				...(options.now ? { now: options.now } : {}),
				onProblem,
				...(onLine ? { onLine } : {}),
			}),
		)
	const functions = {
		'on-queue-message': create('on-queue-message'),
		'on-http-request': create('on-http-request'),
		'on-pipeline-event': create('on-pipeline-event'),
	}
	const isChecked = options.arrivalDeadlineMinutes !== undefined
	const arrivalFunction = isChecked
		? create('on-arrival-check', { MAX_RECEIVE_COUNT: String(arrivalReceiveCount) })
		: null
	const coverageFunction = isChecked ? create('on-coverage-check') : null
	const webhook = keep(await startWebhookServer(functions['on-http-request'], options.webhookPort))
	const toSource = (queue: Queue, fn: LocalFunction): PollerOptions => ({
		sqs: aws.sqs,
		queueUrl: queue.url,
		queueArn: queue.arn,
		region: aws.region,
		fn,
		onError: onProblem,
	})
	const sources = {
		requests: toSource(requestQueue, functions['on-queue-message']),
		arrivals: arrivalFunction && toSource(arrivalQueue, arrivalFunction),
		coverage: coverageFunction && toSource(coverageQueue, coverageFunction),
	}
	const pollers = options.isQueueIdle
		? []
		: Object.values(sources).flatMap((source) => (source === null ? [] : [keep(pollQueue(source))]))

	const running = stack.move()
	return {
		aws,
		table,
		ncp,
		webhookUrl: webhook.url,
		env,
		requestQueue,
		deadLetterQueue,
		outcomeQueue,
		arrivalQueue,
		arrivalDeadLetterQueue,
		coverageQueue,
		coverageDeadLetterQueue,
		pipelineDeadLetterQueue,
		connection: {
			pid: process.pid,
			isWebhookSigned: env.WEBHOOK_AUTH === 'signature',
			region: aws.region,
			endpoint: aws.endpoint,
			tableEndpoint: table.endpoint,
			requestQueueUrl: requestQueue.url,
			deadLetterQueueUrl: deadLetterQueue.url,
			arrivalQueueUrl: arrivalQueue.url,
			arrivalDeadLetterQueueUrl: arrivalDeadLetterQueue.url,
			coverageQueueUrl: coverageQueue.url,
			coverageDeadLetterQueueUrl: coverageDeadLetterQueue.url,
			pipelineDeadLetterQueueUrl: pipelineDeadLetterQueue.url,
			resultTopicArn: topicArn,
			operationsTopicArn: '',
			exportsTableName: table.tableName,
			ncpApiUrl: access.apiUrl,
			ncpRegionCode: env.NCP_REGION_CODE,
			sharedDestinations: options.env?.SHARED_DESTINATIONS || 'refuse',
			// A real API exports to a real bucket, which this machine does not read.
			objectStorageUrl: options.ncp ? '' : aws.endpoint,
			objectStorageRegion: 'kr-standard',
			credentialsSecretId: '',
			ncpKeys: options.ncp ? null : LOCAL_KEYS,
		},
		arrivalFunction,
		coverageFunction,
		functions,
		pollOnce: (queue = 'requests', waitSeconds = 20) => {
			const source = sources[queue]
			if (source === null) throw new Error('arrival checks are off')
			return pollOnce({ ...source, waitSeconds }, new AbortController().signal)
		},
		quiesce: async () => {
			await Promise.all([...pollers.map((poller) => poller.stop()), webhook.stop()])
			const all = [...Object.values(functions), arrivalFunction, coverageFunction]
			await Promise.all(all.map((fn) => fn?.stop()))
		},
		stop: () => running.disposeAsync(),
	}
}

export function bundlePath(name: string, folder = BUNDLES): string {
	return join(folder, `${name}.cjs`)
}

async function startSimulator(
	aws: EmbeddedAws,
	overrides: Partial<SimulatorOptions> = {},
): Promise<NcpSimulator> {
	const world: SimulatorOptions = {
		...WORLD,
		copy: aws.putObject,
		...overrides,
	}
	for (const bucket of world.buckets) await aws.createBucket(bucket)
	return startNcpSimulator(world)
}
