import { setTimeout as sleep } from 'node:timers/promises'
import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { createArrivalQueue } from '../aws/arrival-queue.ts'
import { type CallAws, endBefore } from '../aws/call-aws.ts'
import { createDestinations } from '../aws/destinations.ts'
import { createDynamoDb, type DynamoDb } from '../aws/dynamodb.ts'
import { createExportFinder, createExportsTable } from '../aws/exports-table.ts'
import { createFirstSeen } from '../aws/first-seen.ts'
import { createSecretReader, type SecretReader } from '../aws/secrets.ts'
import { createPublishBatch } from '../aws/sns.ts'
import { createPublish, createTopic } from '../aws/topic.ts'
import { type LambdaTime, toHandlerDeadline, toWorkDeadline } from '../deadline.ts'
import { toExportError } from '../errors.ts'
import { createExportAction } from '../ncp/actions.ts'
import { createCallAction } from '../ncp/call-action.ts'
import { createClock } from '../ncp/gateway-clock.ts'
import { type Credentials, fixedCredentials, rotatingCredentials } from '../ncp/key-pair.ts'
import { retryUnsent } from '../ncp/retry-unsent.ts'
import { createExportObserver } from '../observe/observe.ts'
import type { CallNcp, ExportPorts, FindExport, RequestQueue, SendToTopic } from '../ports.ts'
import { toQueueName } from '../url.ts'
import { toQueueEndpoint } from './aws-config.ts'
import { type Config, type FunctionName, readConfig } from './config.ts'
import { createIdMaker } from './create-id.ts'
import { wireAws } from './wire-aws.ts'
import { readWebhookSecrets } from './wire-webhook.ts'

/** What lives as long as the function instance. */
export interface Wired {
	config: Config
	credentials: Credentials
	metrics: Metrics
	logger: Logger
	/** What one invocation works with. */
	begin: (context: LambdaTime) => Invocation
}

/** Every AWS call that these make ends before the invocation does. */
export interface Invocation {
	ports: ExportPorts
	/** May use a second more than the ports: it puts off what they did not finish. */
	queue: RequestQueue
	findExport: FindExport
	sendToTopic: SendToTopic
	dynamodb: DynamoDb
	/** The webhook's secrets, from the environment or from Secrets Manager. Throws `SECRET_UNREADABLE`. */
	readWebhookSecrets: () => Promise<readonly string[]>
}

/** Settling must not use up the time that publishing needs. */
const DYNAMODB_TRY_MS = 1_000
export const OTHER_TRY_MS = 3_000

/** Reads the environment and builds every client, once for a function instance. Throws `CONFIG_INVALID`. */
export function wire(functionName: FunctionName): Wired {
	const config = readConfig(process.env, functionName)
	const { aws, apiUrl, arrival, destinationRule, serviceName, exportsTableName } = config
	const logger = new Logger({ serviceName })
	const metrics = new Metrics({ namespace: 'NcpBackupExporter', serviceName })
	const callDynamoDb = wireAws(aws, 'dynamodb', exportsTableName, DYNAMODB_TRY_MS)
	const callSns = wireAws(aws, 'sns', config.resultTopicArn, OTHER_TRY_MS)
	const callSqs = wireArrivalQueue(config)
	const secret = wireSecret(config)
	const credentials = wireCredentials(config, secret)
	const shared = {
		apiUrl,
		callNcp: wireNcp(config, credentials),
		now: Date.now,
		sleep,
		random: Math.random,
		createId: createIdMaker(),
		deduplicationMs: config.deduplicationMs,
		observe: createExportObserver(logger, metrics, Date.now),
	}
	// The SDK's client is a third of what a first batch would load, and most batches do without it.
	const loadQueue = lazily(async () => (await import('./wire-queue.ts')).wireQueue(config))

	const begin = (context: LambdaTime): Invocation => {
		const handlerDeadline = toHandlerDeadline(context)
		const deadline = toWorkDeadline(handlerDeadline)
		const dynamodb = createDynamoDb(endBefore(deadline, callDynamoDb))
		const publishBatch = createPublishBatch(endBefore(deadline, callSns), config.resultTopicArn)
		const sendToTopic = createTopic(publishBatch, deadline)
		return {
			dynamodb,
			sendToTopic,
			ports: {
				...shared,
				deadline,
				ledger: createExportsTable(dynamodb, exportsTableName),
				destinations: createDestinations(dynamodb, exportsTableName, apiUrl, destinationRule),
				firstSeen: createFirstSeen(dynamodb, exportsTableName),
				publish: createPublish(sendToTopic),
				arrival: arrival && {
					schedule: createArrivalQueue(endBefore(deadline, callSqs), arrival.queueUrl),
					deadlineMs: arrival.deadlineMs,
				},
			},
			queue: toLazyQueue(async () => (await loadQueue())(handlerDeadline)),
			findExport: createExportFinder(dynamodb, exportsTableName),
			readWebhookSecrets: () => readWebhookSecrets(config, secret, deadline, { logger, metrics }),
		}
	}
	return { config, credentials, metrics, logger, begin }
}

function wireSecret({ aws, credentialsSecretId }: Config): SecretReader | null {
	if (credentialsSecretId === undefined) return null
	return createSecretReader(
		wireAws(aws, 'secretsmanager', credentialsSecretId, OTHER_TRY_MS),
		credentialsSecretId,
		Date.now,
	)
}

function wireCredentials({ ncpKeys }: Config, secret: SecretReader | null): Credentials {
	return secret === null
		? fixedCredentials(ncpKeys ?? { accessKey: '', secretKey: '' })
		: rotatingCredentials(secret.read, secret.readAgain)
}

function wireNcp({ apiUrl, ncpTimeoutMs, ncpMethod }: Config, credentials: Credentials): CallNcp {
	const clock = createClock(Date.now)
	const callAction = createCallAction({
		apiUrl,
		credentials,
		timeoutMs: ncpTimeoutMs,
		clock,
		method: ncpMethod,
	})
	const options = { clock, credentials, minCallMs: 1_000, sleep, random: Math.random }
	return retryUnsent(createExportAction(callAction), options)
}

function wireArrivalQueue({ aws, arrival }: Config): CallAws {
	const queueUrl = arrival?.queueUrl ?? ''
	const endpoints = { ...aws.endpoints, sqs: toQueueEndpoint(aws, queueUrl) }
	return wireAws({ ...aws, endpoints }, 'sqs', toQueueName(queueUrl), OTHER_TRY_MS)
}

function toLazyQueue(load: () => Promise<RequestQueue>): RequestQueue {
	return {
		send: async (...args) => (await load()).send(...args),
		// Never rejects, not even when the client cannot be loaded.
		hide: async (...args) => load().then((queue) => queue.hide(...args), toExportError),
		deadLetter: async (...args) => (await load()).deadLetter(...args),
	}
}

/** Loads once. A failed load is tried again. */
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
