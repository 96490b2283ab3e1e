import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
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
	connection: Connection
	sqs: SQSClient
	sns: SNSClient
	dynamodb: DynamoDBClient
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
	const { sqs, sns, dynamodb } = createClients({ region, credentials, endpoint, tableEndpoint })
	return {
		name: 'the local cloud',
		isLocal: true,
		connection,
		sqs,
		sns,
		dynamodb,
		items: createTableItems(DynamoDBDocumentClient.from(dynamodb)),
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

/** Uses the operator's own AWS credentials, found by the SDK. */
async function findStage(stage: string, regionOption: string | undefined): Promise<Target> {
	const region = regionOption ?? process.env.AWS_REGION ?? 'ap-northeast-2'
	const { sqs, sns, dynamodb, secrets, cloudFormation } = createClients({ region })
	const connection = await readOutputs(cloudFormation, `${SERVICE}-${stage}`, region)
	return {
		name: `stage ${stage} in ${region}`,
		isLocal: false,
		connection,
		sqs,
		sns,
		dynamodb,
		items: createTableItems(DynamoDBDocumentClient.from(dynamodb)),
		readKeys: async () => {
			const { webhookSecrets, ...keys } = await readSecret(secrets, connection.credentialsSecretId)
			return { ...keys, webhookSecretCount: webhookSecrets.length }
		},
	}
}

/** Checks the secret by the functions' own rules. */
function readSecret(client: SecretsManagerClient, secretId: string): Promise<Secret> {
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
