import { setTimeout as sleep } from 'node:timers/promises'
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SNSClient } from '@aws-sdk/client-sns'
import { SQSClient } from '@aws-sdk/client-sqs'
import { type CallAws, createAwsCaller } from '../../lib/aws/call-aws.ts'
import { createDynamoDb, type DynamoDb } from '../../lib/aws/dynamodb.ts'
import { createSecretReader } from '../../lib/aws/secrets.ts'
import { createPool } from '../../lib/http-client/pool.ts'
import type { KeyPair } from '../../lib/ports.ts'
import { toEndpoint } from '../../lib/wiring/aws-config.ts'
import { type Connection, readLocalConnection } from './connection.ts'
import { OpsError, toWords } from './ops-error.ts'

/** What the commands work on: the local cloud, or a deployed stage. */
export interface Target {
	/** In words, for the operator. */
	name: string
	isLocal: boolean
	connection: Connection
	sqs: SQSClient
	sns: SNSClient
	dynamodb: DynamoDBClient
	/** The items of the table, as the functions read and write them. */
	items: DynamoDb
	/** NCP's key pair, and how many secrets the webhook has; null where it asks for none. Rejects with words. */
	readKeys: () => Promise<KeyPair & { webhookSecretCount: number | null }>
}

export interface TargetOptions {
	/** Left out, it is the local cloud. */
	stage?: string
	region?: string
}

const SERVICE = 'ncp-backup-exporter'

/** Longer than the longest poll. */
const LIMITS = {
	maxAttempts: 3,
	requestHandler: { connectionTimeout: 3_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
}

/** Throws `OpsError` when there is nothing to work on. */
export async function findTarget({ stage, region }: TargetOptions): Promise<Target> {
	return stage === undefined ? findLocal() : findStage(stage, region)
}

async function findLocal(): Promise<Target> {
	const connection = await readLocalConnection()
	if (connection === null || !isAlive(connection.pid)) {
		throw new OpsError(
			'No local cloud is running: start one with "npm start", or name a deployed stage with --stage.',
		)
	}
	const { region, endpoint, tableEndpoint, ncpKeys } = connection
	const client = { ...LIMITS, region, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
	return {
		name: 'the local cloud',
		isLocal: true,
		connection,
		sqs: new SQSClient({ ...client, endpoint }),
		sns: new SNSClient({ ...client, endpoint }),
		...wireTable(new DynamoDBClient({ ...client, endpoint: tableEndpoint }), region, tableEndpoint),
		readKeys: async () => ({ ...(ncpKeys ?? readKeysFromEnvironment()), webhookSecretCount: null }),
	}
}

/** Killed, it could not take its file away. */
function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0)
	} catch {
		return false
	}
}

function readKeysFromEnvironment(): KeyPair {
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey } = process.env
	if (accessKey && secretKey) return { accessKey, secretKey }
	throw new OpsError('set NCP_ACCESS_KEY and NCP_SECRET_KEY here too: a real pair is written nowhere')
}

/** With the operator's own AWS credentials, wherever the SDK finds them. */
async function findStage(stage: string, regionOption: string | undefined): Promise<Target> {
	const region = regionOption ?? process.env.AWS_REGION ?? 'ap-northeast-2'
	const client = { ...LIMITS, region }
	const connection = await readOutputs(new CloudFormationClient(client), `${SERVICE}-${stage}`, region)
	const dynamodb = new DynamoDBClient(client)
	const endpoint = process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER
	const callSecrets = createCaller('secretsmanager', dynamodb, region, endpoint)
	const secret = createSecretReader(callSecrets, connection.credentialsSecretId, Date.now)
	return {
		name: `stage ${stage} in ${region}`,
		isLocal: false,
		connection,
		sqs: new SQSClient(client),
		sns: new SNSClient(client),
		...wireTable(dynamodb, region, process.env.AWS_ENDPOINT_URL_DYNAMODB),
		readKeys: async () => {
			const { webhookSecrets, ...keys } = await secret.read()
			return { ...keys, webhookSecretCount: webhookSecrets.length }
		},
	}
}

const OUTPUTS = [
	'requestQueueUrl',
	'deadLetterQueueUrl',
	'arrivalQueueUrl',
	'arrivalDeadLetterQueueUrl',
	'pipelineDeadLetterQueueUrl',
	'resultTopicArn',
	'exportsTableName',
	'ncpApiUrl',
	'ncpRegionCode',
	'objectStorageUrl',
	'objectStorageRegion',
	'credentialsSecretId',
] as const satisfies (keyof Connection)[]

async function readOutputs(
	client: CloudFormationClient,
	stackName: string,
	region: string,
): Promise<Connection> {
	const { Stacks = [] } = await client
		.send(new DescribeStacksCommand({ StackName: stackName }))
		.catch((error) => {
			// CloudFormation says "does not exist" with this name alone.
			const words = error.name === 'ValidationError' ? 'it does not exist' : toWords(error)
			throw new OpsError(`The stack ${stackName} in ${region} cannot be read: ${words}`)
		})
	const outputs = new Map(Stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]))
	const values = OUTPUTS.map((name) => [name, outputs.get(name.charAt(0).toUpperCase() + name.slice(1))])
	const missing = values.filter(([, value]) => value === undefined).map(([name]) => name)
	if (missing.length > 0)
		throw new OpsError(`The stack ${stackName} lacks the outputs ${missing.join(', ')}: deploy it again.`)
	return Object.fromEntries(values) as Record<(typeof OUTPUTS)[number], string>
}

function wireTable(dynamodb: DynamoDBClient, region: string, endpoint: string | undefined) {
	return { dynamodb, items: createDynamoDb(createCaller('dynamodb', dynamodb, region, endpoint)) }
}

/** With the credentials that the SDK has found for a client of its own. */
function createCaller(
	service: 'dynamodb' | 'secretsmanager',
	{ config }: DynamoDBClient,
	region: string,
	endpoint = toEndpoint(service, region),
): CallAws {
	const timeoutMs = 5_000
	return createAwsCaller({
		service,
		region,
		endpoint,
		credentials: () => config.credentials(),
		timeoutMs,
		createDispatcher: (origin) => createPool(origin, { connections: 4, connectMs: timeoutMs, idleMs: 1_000 }),
		now: Date.now,
		sleep,
		random: Math.random,
	})
}
