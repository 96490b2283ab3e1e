import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import {
	CreateQueueCommand,
	DeleteMessageCommand,
	GetQueueAttributesCommand,
	ReceiveMessageCommand,
	SendMessageCommand,
	SQSClient,
} from '@aws-sdk/client-sqs'
import { isRecord } from '../../lib/formats/json.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { FunctionName } from '../../lib/wiring/config.ts'
import type { InvocationResult, LocalFunction } from '../local/function-process.ts'
import { type NcpSimulator, startNcpSimulator } from '../local/ncp-simulator.ts'
import { pollOnce } from '../local/queue-poller.ts'
import { examine } from '../ops/doctor.ts'
import type { Finding } from '../ops/finding.ts'
import { findTarget } from '../ops/target.ts'
import { paint } from '../terminal/outcome-row.ts'
import {
	type Access,
	type DeployedStack,
	fetchBundle,
	readEnvironment,
	readStack,
	runDeployed,
	toEnvironment,
} from './deployed.ts'

export interface Rehearsal {
	stage: string
	access: Access
	/** For the bundles. */
	folder: string
	/** Takes further arguments of osls. */
	deploy: (...args: string[]) => Promise<void>
	rollBack: () => Promise<void>
}

const KEYS = { accessKey: 'REHEARSAL-KEY', secretKey: 'rehearsal-secret' }
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 'rehearsal').toString('base64')}`
const BUCKET = 'rehearsal-backups'
/** Of five seconds each. */
const MAX_POLLS = 10
const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: '20210528', bucketName: BUCKET }

/** What moto can answer truly: it deploys no alarm and no TTL, and counts no subscription. */
const IN_ORDER = Object.fromEntries(
	[
		...[
			'request queue',
			'arrival queue',
			'coverage queue',
			'dead letters of arrival checks',
			'dead letters of coverage checks',
			'dead letters of pipeline events',
		],
		...['NCP', 'webhook secrets', `bucket ${BUCKET}`, `exports into ${BUCKET}`],
	].map((check) => [check, 'ok']),
)

/** Deploys, sends requests, and prints what happened. Resolves with the exit code: 1 when a step failed. */
export async function rehearseStage(rehearsal: Rehearsal, stack: AsyncDisposableStack): Promise<number> {
	const { access, stage, deploy, rollBack } = rehearsal
	const sqs = new SQSClient({ ...access, useQueueUrlAsEndpoint: false })
	const s3 = new S3Client({ ...access, forcePathStyle: true })
	const step = async <T>(words: string, run: () => Promise<T>): Promise<T> => {
		try {
			const result = await run()
			console.log(`${paint('green', 'ok')}      ${words}`)
			return result
		} catch (error) {
			console.log(`${paint('red', 'FAILED')}  ${words}`)
			throw error
		}
	}

	const copy = async (Bucket: string, Key: string, Body: string) =>
		void (await s3.send(new PutObjectCommand({ Bucket, Key, Body })))
	const ncp = await startSimulator(copy)
	stack.defer(ncp.stop)
	await s3.send(
		new CreateBucketCommand({
			Bucket: BUCKET,
			CreateBucketConfiguration: { LocationConstraint: access.region as 'ap-northeast-2' },
		}),
	)
	const SecretString = JSON.stringify({ ...KEYS, webhookSecrets: [WEBHOOK_SECRET] })
	await new SecretsManagerClient(access).send(
		new CreateSecretCommand({ Name: 'ncp/backup-exporter', SecretString }),
	)

	await step('osls deploys the stack', () => deploy())
	await step('a second deploy changes a setting, and one command takes it back', async () => {
		await deploy('--param', 'deduplicationHours=30')
		await expectVariable('DEDUPLICATION_HOURS', '30', rehearsal)
		await rollBack()
		await expectVariable('DEDUPLICATION_HOURS', '24', rehearsal)
	})
	const deployed = await readStack(`ncp-backup-exporter-${stage}`, access)
	const { outputs } = deployed
	const { RequestQueueUrl = '', DeadLetterQueueUrl = '', ArrivalQueueUrl = '' } = outputs
	const functions = await step('the deployed zips and settings start', () =>
		startFunctions(rehearsal, deployed, ncp, stack),
	)
	const outcomes = await subscribe(outputs.ResultTopicArn ?? '', sqs, access)

	const deliver = (queueUrl: string, fn: LocalFunction) =>
		pollOnce(
			{
				sqs,
				queueUrl,
				queueArn: 'arn:aws:sqs:rehearsal',
				region: access.region,
				fn,
				onError: console.error,
				waitSeconds: 5,
			},
			new AbortController().signal,
		)
	const deliverOne = async (queueUrl: string, fn: LocalFunction): Promise<void> => {
		for (let polls = 0; (await deliver(queueUrl, fn)) === 0; polls++)
			if (polls === MAX_POLLS) throw new Error('no message came')
	}
	const send = (body: unknown) =>
		sqs.send(new SendMessageCommand({ QueueUrl: RequestQueueUrl, MessageBody: JSON.stringify(body) }))

	const exportId = await step(
		'a request on the deployed queue is accepted, and its outcome is on the topic',
		async () => {
			await send(REQUEST)
			await deliver(RequestQueueUrl, functions['on-queue-message'])
			const event = await outcomes()
			expectState(event, 'accepted')
			return event.data.exportId ?? ''
		},
	)
	await step('the deployed table has the export and its destination', async () => {
		const { Items = [] } = await new DynamoDBClient(access).send(
			new ScanCommand({ TableName: outputs.ExportsTableName }),
		)
		const keys = Items.map(({ exportKey }) => exportKey?.S ?? '')
		if (!keys.some((key) => key.startsWith('destination#')) || keys.length !== 2)
			throw new Error(`the table has ${keys.join(', ')}`)
	})
	console.log('        waiting for the first arrival check, which comes after 30 s …')
	await step('an arrival check finds the object, and the export is completed', async () => {
		await deliverOne(ArrivalQueueUrl, functions['on-arrival-check'])
		expectState(await outcomes(), 'completed')
	})
	await step('an invalid request is rejected, and copied to the dead-letter queue', async () => {
		await send({ a: 1 })
		await deliver(RequestQueueUrl, functions['on-queue-message'])
		expectState(await outcomes(), 'rejected')
		const { Messages = [] } = await sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: DeadLetterQueueUrl,
				MessageAttributeNames: ['All'],
				VisibilityTimeout: 0,
				WaitTimeSeconds: 5,
			}),
		)
		if (Messages[0]?.MessageAttributes?.errorCode?.StringValue !== 'REQUEST_INVALID')
			throw new Error('the dead-letter queue has no copy with its reason')
	})
	await step('a signed webhook call is answered with 202, an unsigned one with 401', async () => {
		const body = JSON.stringify({ ...REQUEST, fileName: '20210529' })
		expectStatus(await functions['on-http-request'].invoke(toCall(body, WEBHOOK_SECRET)), 202)
		expectStatus(await functions['on-http-request'].invoke(toCall(body, `whsec_${'A'.repeat(32)}`)), 401)
		expectState(await outcomes(), 'accepted')
	})
	await step('a direct invocation returns its outcome', async () => {
		const result = await functions['on-pipeline-event'].invoke({ ...REQUEST, fileName: '20210530' })
		if (!result.ok) throw new Error(result.errorMessage)
		expectState(result.value as OutcomeEvent, 'accepted')
		expectState(await outcomes(), 'accepted')
	})
	await step('ops finds the export and the dead letter of the stage', async () => {
		const status = await runOps(['status', exportId], rehearsal)
		if (!status.includes('"state":"completed"')) throw new Error(status)
		const letters = await runOps(['dead-letters', 'list'], rehearsal)
		if (!letters.includes('REQUEST_INVALID')) throw new Error(letters)
	})
	await step('smoke follows a request of its own to its refusal', async () => {
		await Promise.all([
			runOps(['smoke'], rehearsal),
			deliverOne(RequestQueueUrl, functions['on-queue-message']),
		])
		expectState(await outcomes(), 'refused')
	})
	await step('doctor finds queues, secret, NCP and bucket in order, and the rejected message', async () => {
		const findings = await examineStage(rehearsal, ncp)
		const expected = { ...IN_ORDER, 'dead letters of requests': 'warning', 'topic of operations': 'warning' }
		for (const [check, result] of Object.entries(expected)) {
			const found = findings.find((each) => each.check === check)
			if (found?.result !== result) throw new Error(`${check}: ${found?.words}`)
		}
	})
	console.log('\nThe deployed service does what it should.')
	return 0
}

function startSimulator(
	copy: (bucket: string, key: string, body: string) => Promise<void>,
): Promise<NcpSimulator> {
	return startNcpSimulator({
		keys: new Map([[KEYS.accessKey, KEYS.secretKey]]),
		instances: new Map([['1', { regionCode: 'KR', backups: new Set(['20210528', '20210529', '20210530']) }]]),
		buckets: new Set([BUCKET]),
		copy,
		copyDelayMs: 0,
	})
}

type Functions = Readonly<Record<FunctionName, LocalFunction>>

/** The deployed functions. What names a place outside of AWS is replaced: NCP's API and Object Storage. */
async function startFunctions(
	{ stage, access, folder }: Rehearsal,
	deployed: DeployedStack,
	ncp: NcpSimulator,
	stack: AsyncDisposableStack,
): Promise<Functions> {
	const start = async (name: FunctionName): Promise<[FunctionName, LocalFunction]> => {
		const env = {
			...(await readEnvironment(`ncp-backup-exporter-${stage}-${name}`, access)),
			...toEnvironment(access),
			AWS_REGION: access.region,
			NCP_API_URL: ncp.url,
			OBJECT_STORAGE_URL: access.endpoint,
		}
		const bundle = await fetchBundle(name, deployed, folder, access)
		const fn = runDeployed(name, bundle, env, () => undefined)
		stack.defer(fn.stop)
		return [name, fn]
	}
	const names = ['on-queue-message', 'on-http-request', 'on-pipeline-event', 'on-arrival-check'] as const
	return Object.fromEntries(await Promise.all(names.map(start))) as Functions
}

/** Subscribes a queue to the topic. The result takes the next outcome. */
async function subscribe(
	TopicArn: string,
	sqs: SQSClient,
	access: Access,
): Promise<() => Promise<OutcomeEvent>> {
	const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'rehearsal-outcomes' }))
	const { Attributes } = await sqs.send(
		new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
	)
	await new SNSClient(access).send(
		new SubscribeCommand({
			TopicArn,
			Protocol: 'sqs',
			Endpoint: Attributes?.QueueArn,
			Attributes: { RawMessageDelivery: 'true' },
		}),
	)
	const waiting: OutcomeEvent[] = []
	return async () => {
		if (waiting.length === 0) {
			const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }))
			for (const { Body = '', ReceiptHandle } of Messages) {
				waiting.push(JSON.parse(Body) as OutcomeEvent)
				await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
			}
		}
		const event = waiting.shift()
		if (event === undefined) throw new Error('no outcome came')
		return event
	}
}

/** A call of the HTTP API, signed as https://www.standardwebhooks.com says. */
function toCall(body: string, secret: string): object {
	const id = 'msg_1'
	const timestamp = String(Math.floor(Date.now() / 1000))
	const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
	const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
	return {
		version: '2.0',
		routeKey: '$default',
		rawPath: '/exports',
		rawQueryString: '',
		headers: {
			'content-type': 'application/json',
			'webhook-id': id,
			'webhook-timestamp': timestamp,
			'webhook-signature': `v1,${signature}`,
		},
		requestContext: {
			requestId: 'call-1',
			http: { method: 'POST', path: '/exports', sourceIp: '192.0.2.1' },
		},
		body,
		isBase64Encoded: false,
	}
}

/** What doctor finds, with the simulator in place of the API that the stack names. */
async function examineStage({ stage, access }: Rehearsal, ncp: NcpSimulator): Promise<Finding[]> {
	Object.assign(process.env, toEnvironment(access))
	const target = await findTarget({ stage, region: access.region })
	const connection = { ...target.connection, ncpApiUrl: ncp.url, objectStorageUrl: access.endpoint }
	return examine({ ...target, connection }, [BUCKET], new AbortController().signal)
}

/** What a command of ops prints for the stage. Throws when it fails. */
async function runOps(args: readonly string[], { stage, access }: Rehearsal): Promise<string> {
	const main = fileURLToPath(new URL('../ops/main.ts', import.meta.url))
	const env = { ...process.env, ...toEnvironment(access) }
	const all = [main, ...args, '--json', '--stage', stage, '--region', access.region]
	const { stdout } = await promisify(execFile)(process.execPath, all, { env })
	return stdout
}

async function expectVariable(name: string, value: string, { stage, access }: Rehearsal): Promise<void> {
	const env = await readEnvironment(`ncp-backup-exporter-${stage}-on-queue-message`, access)
	if (env[name] !== value) throw new Error(`${name} is ${env[name]}, not ${value}`)
}

function expectState({ data }: OutcomeEvent, state: string): void {
	if (data.state !== state)
		throw new Error(`the outcome is ${data.state}, not ${state}: ${data.error?.message ?? ''}`)
}

function expectStatus(result: InvocationResult, status: number): void {
	const answered = result.ok && isRecord(result.value) ? result.value.statusCode : JSON.stringify(result)
	if (answered !== status) throw new Error(`the webhook answered ${answered}, not ${status}`)
}
