import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { LambdaClient } from '@aws-sdk/client-lambda'
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SNSClient } from '@aws-sdk/client-sns'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import type { DynamoDb } from '../../lib/aws/dynamodb.ts'
import { createSecretReader, type Secret } from '../../lib/aws/secrets.ts'
import type { KeyPair } from '../../lib/ports.ts'
import { createClients } from './clients.ts'
import { type Connection, isAlive, readLocalConnection } from './connection.ts'
import { CallFailed, OpsError } from './ops-error.ts'
import { createTableItems } from './table-items.ts'

/** What a command works on: the local cloud, or a deployed stage. */
export interface Target {
	/** As it is printed: "the local cloud", "stage prod in ap-northeast-2". */
	name: string
	isLocal: boolean
	/** Starts the name of each function and alarm of the stack. Empty for the local cloud. */
	stackName: string
	connection: Connection
	sqs: SQSClient
	sns: SNSClient
	dynamodb: DynamoDBClient
	lambda: LambdaClient
	cloudWatch: CloudWatchClient
	/** The table of exports, for lib's functions. */
	items: DynamoDb
	/**
	 * The key pair for NCP, and the number of webhook secrets; null where the webhook takes unsigned calls.
	 * Throws `OpsError` or `SecretUnreadable`.
	 */
	readKeys: () => Promise<KeyPair & { webhookSecretCount: number | null }>
}

export interface TargetOptions {
	/** Left out, the target is the local cloud. */
	stage?: string
	region?: string
}

/** The service's name in serverless.yml. */
export const SERVICE = 'ncp-backup-exporter'

/** Throws `OpsError` when no local cloud is running, or the stage is not deployed. */
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
	const { region, endpoint, tableEndpoint, ncpKeys, isWebhookSigned } = connection
	const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
	const clients = createClients({ region, credentials, endpoint, tableEndpoint })
	return {
		name: 'the local cloud',
		isLocal: true,
		stackName: '',
		connection,
		...clients,
		items: createTableItems(DynamoDBDocumentClient.from(clients.dynamodb)),
		readKeys: async () => ({
			...(ncpKeys ?? readKeysFromEnvironment()),
			webhookSecretCount: isWebhookSigned ? 1 : null,
		}),
	}
}

function readKeysFromEnvironment(): KeyPair {
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey } = process.env
	if (accessKey && secretKey) return { accessKey, secretKey }
	throw new OpsError(
		'NCP_ACCESS_KEY and NCP_SECRET_KEY are not set here; "npm start" does not write real keys to a file',
	)
}

/** The region of a stage whose option was not given. */
export function toRegion(option: string | undefined): string {
	return option ?? process.env.AWS_REGION ?? 'ap-northeast-2'
}

/** Uses the operator's own AWS credentials, found by the SDK. */
async function findStage(stage: string, regionOption: string | undefined): Promise<Target> {
	const region = toRegion(regionOption)
	const clients = createClients({ region })
	const stackName = `${SERVICE}-${stage}`
	const connection = await readOutputs(clients.cloudFormation, stackName, region)
	return {
		name: `stage ${stage} in ${region}`,
		isLocal: false,
		stackName,
		connection,
		...clients,
		items: createTableItems(DynamoDBDocumentClient.from(clients.dynamodb)),
		readKeys: async () => {
			const { webhookSecrets, ...keys } = await readSecret(clients.secrets, connection.credentialsSecretId)
			return { ...keys, webhookSecretCount: webhookSecrets.length }
		},
	}
}

/** Checks the secret by the functions' own rules. */
export function readSecret(client: SecretsManagerClient, secretId: string): Promise<Secret> {
	const call = async () =>
		JSON.stringify(await client.send(new GetSecretValueCommand({ SecretId: secretId })))
	return createSecretReader(call, secretId, Date.now).read()
}

const OUTPUTS = [
	'requestQueueUrl',
	'deadLetterQueueUrl',
	'arrivalQueueUrl',
	'arrivalDeadLetterQueueUrl',
	'coverageQueueUrl',
	'coverageDeadLetterQueueUrl',
	'pipelineDeadLetterQueueUrl',
	'resultTopicArn',
	'operationsTopicArn',
	'exportsTableName',
	'ncpApiUrl',
	'ncpRegionCode',
	'sharedDestinations',
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
			// CloudFormation's code for a missing stack, used for nothing else in this call.
			if (error instanceof CallFailed && error.name === 'ValidationError')
				throw new OpsError(`the stack ${stackName} does not exist in ${region}`)
			throw error
		})
	const outputs = new Map(Stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]))
	const values = OUTPUTS.map((name) => [name, outputs.get(name.charAt(0).toUpperCase() + name.slice(1))])
	const missing = values.filter(([, value]) => value === undefined).map(([name]) => name)
	if (missing.length > 0)
		throw new OpsError(`the stack ${stackName} has no output ${missing.join(', ')}; deploy it again`)
	return Object.fromEntries(values) as Record<(typeof OUTPUTS)[number], string>
}
