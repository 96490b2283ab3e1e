import { setTimeout as sleep } from 'node:timers/promises'
import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient } from '@aws-sdk/client-sns'
import { SQSClient } from '@aws-sdk/client-sqs'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { ulid } from 'ulid'
import { createArrivalQueue } from './aws/arrival-queue.ts'
import { createExportFinder, createExportsTable, type FindExport } from './aws/exports-table.ts'
import { createRequestQueue, type RequestQueue } from './aws/queue.ts'
import { createSecretReader, type SecretReader } from './aws/secrets.ts'
import { createTopic } from './aws/topic.ts'
import { type Config, type FunctionName, readConfig } from './config.ts'
import { ExportError } from './errors.ts'
import type { ExportPorts } from './export-ports.ts'
import { callAgain } from './ncp/call-again.ts'
import { createNcpClient } from './ncp/client.ts'
import { createClock } from './ncp/clock.ts'
import { type Credentials, fixedCredentials, rotatingCredentials } from './ncp/credentials.ts'
import { createObserver } from './observe.ts'

export interface Wired {
	config: Config
	ports: ExportPorts
	queue: RequestQueue
	findExport: FindExport
	/** The webhook's secrets, from the environment or from the secret. */
	readWebhookSecrets: () => Promise<readonly string[]>
	/** NCP's key pair, which opens Object Storage too. */
	credentials: Credentials
	table: DynamoDBDocumentClient
	metrics: Metrics
	logger: Logger
}

/** Reads the environment and builds every client, once a function instance. Throws `CONFIG_INVALID`. */
export function wire(functionName: FunctionName): Wired {
	const config = readConfig(process.env, functionName)
	const { serviceName } = config
	const logger = new Logger({ serviceName })
	const metrics = new Metrics({ namespace: 'NcpBackupExporter', serviceName })
	const client = {
		...config.aws,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	}
	// Settling must not eat the time that publishing needs.
	const tableClient = { ...client, requestHandler: { ...client.requestHandler, requestTimeout: 1_000 } }
	const table = DynamoDBDocumentClient.from(new DynamoDBClient(tableClient))
	const secret =
		config.credentialsSecretId === undefined
			? null
			: createSecretReader(new SecretsManagerClient(client), config.credentialsSecretId, Date.now)
	const sqs = new SQSClient(client)
	const credentials = wireCredentials(config, secret)
	const ports: ExportPorts = {
		apiUrl: config.apiUrl,
		callNcp: wireNcp(config, credentials),
		ledger: createExportsTable(table, config.exportsTableName),
		publish: createTopic(new SNSClient(client), config.resultTopicArn),
		now: Date.now,
		createId: ulid,
		deduplicationMs: config.deduplicationMs,
		arrival: wireArrival(config, sqs),
		observe: createObserver(logger, metrics),
	}
	return {
		config,
		ports,
		queue: createRequestQueue(sqs, config),
		findExport: createExportFinder(table, config.exportsTableName),
		readWebhookSecrets: () => readWebhookSecrets(config, secret, logger, metrics),
		credentials,
		table,
		metrics,
		logger,
	}
}

/** Throws `SECRET_UNREADABLE`, after a log line and a count: nobody else would tell the operator. */
async function readWebhookSecrets(
	{ webhookSecrets }: Config,
	secret: SecretReader | null,
	logger: Logger,
	metrics: Metrics,
): Promise<readonly string[]> {
	if (webhookSecrets.length > 0 || secret === null) return webhookSecrets
	try {
		return (await secret.read()).webhookSecrets
	} catch (cause) {
		const reason = cause instanceof Error ? cause.name : 'unknown'
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

function wireArrival({ arrival }: Config, sqs: SQSClient): ExportPorts['arrival'] {
	return arrival === null
		? null
		: { schedule: createArrivalQueue(sqs, arrival.queueUrl), deadlineMs: arrival.deadlineMs }
}
