import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient } from '@aws-sdk/client-sns'
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import { CallFailed } from './ops-error.ts'

export interface ClientOptions {
	region: string
	credentials?: { accessKeyId: string; secretAccessKey: string }
	/** Endpoints of the local cloud. Left out, the SDK finds them: AWS_ENDPOINT_URL, a profile, or the region. */
	endpoint?: string
	tableEndpoint?: string
}

export interface Clients {
	sqs: SQSClient
	sns: SNSClient
	dynamodb: DynamoDBClient
	secrets: SecretsManagerClient
	cloudFormation: CloudFormationClient
	cloudWatch: CloudWatchClient
	lambda: LambdaClient
	sts: STSClient
}

/** `requestTimeout` exceeds the longest poll, 20 seconds. */
const LIMITS = {
	maxAttempts: 3,
	requestHandler: { connectionTimeout: 3_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
}

/** The SDK's clients of every service that ops calls. A failed call throws `CallFailed`, which names its subject. */
export function createClients({ endpoint, tableEndpoint, ...options }: ClientOptions): Clients {
	const common = { ...LIMITS, ...options, ...(endpoint === undefined ? {} : { endpoint }) }
	const ofTable = { ...common, ...(tableEndpoint === undefined ? {} : { endpoint: tableEndpoint }) }
	const clients: Clients = {
		// By default the host in a queue URL replaces AWS_ENDPOINT_URL, and the SDK prints a warning about it.
		sqs: new SQSClient({ ...common, useQueueUrlAsEndpoint: false }),
		sns: new SNSClient(common),
		dynamodb: new DynamoDBClient(ofTable),
		secrets: new SecretsManagerClient(common),
		cloudFormation: new CloudFormationClient(common),
		cloudWatch: new CloudWatchClient(common),
		lambda: new LambdaClient(common),
		sts: new STSClient(common),
	}
	for (const client of Object.values(clients)) nameSubjects(client)
	return clients
}

/** The part of a client's middleware stack that is used here: the clients' own types differ in their inputs. */
interface Named {
	middlewareStack: {
		add: (
			middleware: (next: Call) => Call,
			options: { name: string; step: 'initialize'; priority: 'high' },
		) => void
	}
}

// biome-ignore lint/suspicious/noExplicitAny: the inputs and outputs of every operation of every service.
type Call = (args: any) => Promise<any>

/** The first middleware: it also sees failures to find credentials or to connect. */
function nameSubjects({ middlewareStack }: Named): void {
	const middleware =
		(next: Call): Call =>
		(args) =>
			next(args).catch((error) => {
				throw new CallFailed(subjectOf(args.input), error)
			})
	middlewareStack.add(middleware, { name: 'nameSubjects', step: 'initialize', priority: 'high' })
}

function subjectOf(input: Readonly<Record<string, unknown>>): string {
	const { QueueUrl, QueueName, TopicArn, SubscriptionArn, TableName, SecretId } = input
	const { StackName, FunctionName, AlarmNamePrefix } = input
	if (typeof QueueUrl === 'string') return `the queue ${QueueUrl.split('/').at(-1)}`
	if (typeof TopicArn === 'string') return `the topic ${TopicArn.split(':').at(-1)}`
	if (QueueName !== undefined) return `the queue ${QueueName}`
	if (SubscriptionArn !== undefined) return `the subscription ${SubscriptionArn}`
	if (TableName !== undefined) return `the table ${TableName}`
	if (SecretId !== undefined) return `the secret ${SecretId}`
	if (StackName !== undefined) return `the stack ${StackName}`
	if (FunctionName !== undefined) return `the function ${FunctionName}`
	return AlarmNamePrefix === undefined ? 'AWS' : `the list of alarms ${AlarmNamePrefix}…`
}
