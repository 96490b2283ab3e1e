import { setTimeout as sleep } from 'node:timers/promises'
import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { ulid } from 'ulid'
import { createArrivalQueue } from '../aws/arrival-queue.ts'
import { AwsError, type CallAws, createAwsCaller, withinTime } from '../aws/call-aws.ts'
import { createDynamoDb, type DynamoDb } from '../aws/dynamodb.ts'
import { createExportFinder, createExportsTable, type FindExport } from '../aws/exports-table.ts'
import { createFirstSeen } from '../aws/first-seen.ts'
import { createSecretReader, type SecretReader, SecretUnreadable } from '../aws/secrets.ts'
import { createPublishBatch } from '../aws/sns.ts'
import type { RequestQueue } from '../aws/sqs.ts'
import { createTopic } from '../aws/topic.ts'
import { remainingTime, timeToWork } from '../deadline.ts'
import { ExportError } from '../errors.ts'
import type { ExportPorts } from '../export/export-ports.ts'
import { createPool } from '../http-client/pool.ts'
import { createNcpClient } from '../ncp/call-action.ts'
import { createClock } from '../ncp/gateway-clock.ts'
import { type Credentials, fixedCredentials, rotatingCredentials } from '../ncp/key-pair.ts'
import { callAgain } from '../ncp/retry-unsent.ts'
import { createObserver } from '../observe/observe.ts'
import { within } from '../within.ts'
import { type Config, type FunctionName, readConfig } from './config.ts'
import { createRandom } from './create-id.ts'

/** What lives as long as the function instance. */
export interface Wired {
	config: Config
	/** NCP's key pair, which opens Object Storage too. */
	credentials: Credentials
	metrics: Metrics
	logger: Logger
	/** What one invocation works with; the context is Lambda's. */
	begin: (context: LambdaTime) => Invocation
}

type LambdaTime = Parameters<typeof remainingTime>[0]

/** Every call of AWS among these ends in the time that is left of the invocation. */
export interface Invocation {
	/** Milliseconds that the work may still use. */
	remainingMs: () => number
	ports: ExportPorts
	/** May use a second more than the work: it puts off what the work did not finish. */
	queue: RequestQueue
	findExport: FindExport
	dynamodb: DynamoDb
	/** The webhook's secrets, from the environment or from the secret. */
	readWebhookSecrets: () => Promise<readonly string[]>
}

/** Reads the environment and builds every client, once a function instance. Throws `CONFIG_INVALID`. */
export function wire(functionName: FunctionName): Wired {
	const config = readConfig(process.env, functionName)
	const { serviceName } = config
	const logger = new Logger({ serviceName })
	const metrics = new Metrics({ namespace: 'NcpBackupExporter', serviceName })
	// Settling must not eat the time that publishing needs.
	const callDynamoDb = wireAws(config.aws, 'dynamodb', 1_000)
	const callSns = wireAws(config.aws, 'sns', 3_000)
	const callSqs = wireArrivalQueue(config)
	const secret =
		config.credentialsSecretId === undefined
			? null
			: createSecretReader(wireAws(config.aws, 'secretsmanager', 3_000), config.credentialsSecretId, Date.now)
	// The SDK's client is a third of what a first batch would load, and many a batch does without.
	const loadQueue = lazily(async () => (await import('./wire-queue.ts')).wireQueue(config))
	const credentials = wireCredentials(config, secret)
	const random = createRandom()
	const { arrival, exportsTableName, resultTopicArn } = config
	const fixed = {
		apiUrl: config.apiUrl,
		callNcp: wireNcp(config, credentials),
		now: Date.now,
		sleep,
		createId: (nowMs: number) => ulid(nowMs, random),
		deduplicationMs: config.deduplicationMs,
		observe: createObserver(logger, metrics),
	}

	const begin = (context: LambdaTime): Invocation => {
		const handlerMs = remainingTime(context)
		const remainingMs = timeToWork(handlerMs)
		const dynamodb = createDynamoDb(withinTime(callDynamoDb, remainingMs))
		const schedule =
			arrival === null ? null : createArrivalQueue(withinTime(callSqs, remainingMs), arrival.queueUrl)
		return {
			remainingMs,
			dynamodb,
			ports: {
				...fixed,
				ledger: createExportsTable(dynamodb, exportsTableName),
				firstSeen: createFirstSeen(dynamodb, exportsTableName),
				publish: createTopic(createPublishBatch(withinTime(callSns, remainingMs), resultTopicArn)),
				arrival: arrival === null || schedule === null ? null : { schedule, deadlineMs: arrival.deadlineMs },
			},
			queue: toLazyQueue(async () => (await loadQueue())(handlerMs)),
			findExport: createExportFinder(dynamodb, exportsTableName),
			readWebhookSecrets: () => readWebhookSecrets(config, secret, remainingMs, logger, metrics),
		}
	}
	return { config, credentials, metrics, logger, begin }
}

function toLazyQueue(load: () => Promise<RequestQueue>): RequestQueue {
	return {
		send: async (...args) => (await load()).send(...args),
		// Never rejects, not even when the client cannot be loaded.
		hide: async (...args) =>
			load().then(
				(queue) => queue.hide(...args),
				() => undefined,
			),
		deadLetter: async (...args) => (await load()).deadLetter(...args),
	}
}

/** Throws `SECRET_UNREADABLE`, after a log line and a count: nobody else would tell the operator. */
async function readWebhookSecrets(
	{ webhookSecrets }: Config,
	secret: SecretReader | null,
	remainingMs: () => number,
	logger: Logger,
	metrics: Metrics,
): Promise<readonly string[]> {
	if (webhookSecrets.length > 0 || secret === null) return webhookSecrets
	try {
		const { webhookSecrets: stored } = await inTime(secret.read(), remainingMs())
		if (stored.length === 0) throw new SecretUnreadable('the secret has no webhookSecrets')
		return stored
	} catch (cause) {
		// Of anything but our own errors and AWS's codes the text might quote the secret.
		const isOurs = cause instanceof SecretUnreadable || cause instanceof AwsError
		const reason = isOurs ? cause.message : 'unexpected error'
		logger.error('the webhook secrets cannot be read', { reason })
		metrics.addMetric('Failed_SECRET_UNREADABLE', MetricUnit.Count, 1)
		throw new ExportError('SECRET_UNREADABLE', `the webhook secrets cannot be read (${reason})`, { cause })
	}
}

function wireCredentials({ ncpKeys }: Config, secret: SecretReader | null): Credentials {
	return secret === null
		? fixedCredentials(ncpKeys ?? { accessKey: '', secretKey: '' })
		: rotatingCredentials(secret.read, secret.readAgain)
}

function wireNcp({ apiUrl, ncpTimeoutMs }: Config, credentials: Credentials): ExportPorts['callNcp'] {
	const clock = createClock(Date.now)
	const call = createNcpClient({ apiUrl, credentials, timeoutMs: ncpTimeoutMs, clock })
	return callAgain(call, { clock, credentials, minCallMs: 1_000, sleep, random: Math.random })
}

function wireAws(
	{ region, credentials, endpoints }: Config['aws'],
	service: keyof Config['aws']['endpoints'],
	timeoutMs: number,
): CallAws {
	return createAwsCaller({
		service,
		region,
		endpoint: endpoints[service],
		credentials: async () => credentials,
		timeoutMs,
		createDispatcher: (origin) =>
			createPool(origin, { connections: MAX_AWS_CONNECTIONS, connectMs: CONNECT_MS, idleMs: IDLE_MS }),
		now: Date.now,
		sleep,
		random: Math.random,
	})
}

/** Rejects when `ms` have passed; the reading itself goes on, for whoever asks next. */
async function inTime<T>(reading: Promise<T>, ms: number): Promise<T> {
	const read = await within(
		reading.then(
			(value) => ({ value }),
			(error) => ({ error }),
		),
		Math.max(0, ms),
	)
	if (read === null) throw new AwsError('NoTimeLeft')
	if ('error' in read) throw read.error
	return read.value
}

/** A batch is ten records, and each does one thing at a time. */
const MAX_AWS_CONNECTIONS = 10
const CONNECT_MS = 1_000
/** AWS keeps them for longer; one that a frozen function has lost is noticed, and the request sent anew. */
const IDLE_MS = 20_000

function wireArrivalQueue({ arrival, aws }: Config): CallAws {
	return wireAws(arrival === null ? aws : toQueueHost(aws, arrival.queueUrl), 'sqs', 3_000)
}

/** A queue is where its URL says, as for the SDK: behind a VPC endpoint, for example. */
function toQueueHost(aws: Config['aws'], queueUrl: string): Config['aws'] {
	const sqs = URL.parse(queueUrl)?.origin ?? aws.endpoints.sqs
	return { ...aws, endpoints: { ...aws.endpoints, sqs } }
}

/** Loads once; what could not be loaded is tried again. */
function lazily<T>(load: () => Promise<T>): () => Promise<T> {
	let loading: Promise<T> | null = null
	return () => {
		loading ??= load().catch((error) => {
			loading = null
			throw error
		})
		return loading
	}
}
