import { GetQueueAttributesCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Cloud, LOCAL_KEYS, startCloud } from '../../tools/local/cloud.ts'
import { ALARM_NAMES } from '../../tools/template/alarms.ts'
import { type AwsApis, startAwsApis, toOutputs } from '../aws-apis.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'
import { runCommand } from './command.ts'

let cloud: Cloud
let apis: AwsApis
let secrets: EmbeddedSecrets
let operationsTopicArn: string
beforeAll(async () => {
	cloud = await startCloud({ isQueueIdle: true })
	operationsTopicArn = await cloud.aws.createTopic('operations')
	apis = await startAwsApis()
	secrets = await startEmbeddedSecrets()
})
afterAll(async () => {
	await secrets.stop()
	await apis.stop()
	await cloud.stop()
})
beforeEach(() => {
	apis.failure = null
	apis.outputs = toOutputs({
		...cloud.connection,
		operationsTopicArn,
		credentialsSecretId: 'ncp/backup-exporter',
	})
	apis.mappings = [
		toMapping('on-queue-message', cloud.requestQueue.arn),
		toMapping('on-arrival-check', cloud.arrivalQueue.arn),
	]
	apis.alarms = ALARM_NAMES.map((name) => toAlarm(name))
	const webhookSecrets = [`whsec_${Buffer.alloc(24, 'w').toString('base64')}`]
	secrets.put('ncp/backup-exporter', JSON.stringify({ ...LOCAL_KEYS, webhookSecrets }))
})

const toMapping = (fn: string, EventSourceArn: string, changes: object = {}) => ({
	UUID: 'uuid-1',
	EventSourceArn,
	FunctionArn: `arn:aws:lambda:ap-northeast-2:1:function:ncp-backup-exporter-prod-${fn}`,
	State: 'Enabled',
	StateTransitionReason: 'USER_INITIATED',
	...changes,
})

const toAlarm = (name: string, changes: object = {}, stage = 'prod') => ({
	AlarmName: `ncp-backup-exporter-${stage}-${name}`,
	StateValue: 'OK',
	ActionsEnabled: true,
	...changes,
})

const doctor = (args: string[] = [], env: Record<string, string> = {}) =>
	runCommand('tools/ops/main.ts', ['doctor', '--stage', 'prod', '--region', cloud.aws.region, ...args], {
		env: {
			...cloud.aws.env,
			AWS_ENDPOINT_URL_DYNAMODB: cloud.table.endpoint,
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
			...apis.env,
			...env,
		},
	})

interface Finding {
	check: string
	result: string
	words: string
	unchecked?: string[]
}

const findings = async (args: string[] = [], env: Record<string, string> = {}) =>
	(await doctor([...args, '--json'], env)).json() as Finding[]

const finding = async (check: string) => (await findings()).find((each) => each.check === check)

describe('ops doctor --stage', () => {
	it('warns that alarms reach no one, until a subscription is confirmed', async () => {
		expect(await finding('topic of operations')).toMatchObject({
			result: 'warning',
			words: `alarms reach no one: subscribe the on-call engineer to ${operationsTopicArn}`,
		})
		await cloud.aws.subscribe(operationsTopicArn, cloud.pipelineDeadLetterQueue)
		expect(await finding('topic of operations')).toMatchObject({ result: 'ok', words: '1 subscription' })
	})

	it('finds that both queues are read', async () => {
		for (const check of ['requests', 'arrival checks'])
			expect(await finding(`event source mapping of ${check}`)).toMatchObject({ result: 'ok' })
	})

	it.each([
		[
			'disabled',
			{ State: 'Disabled' },
			'failed',
			/^Disabled \(USER_INITIATED\): messages wait.*update-event-source-mapping --enabled --uuid uuid-1$/,
		],
		[
			'failing',
			{ LastProcessingResult: 'PROBLEM: Function call failed' },
			'failed',
			/Lambda says "PROBLEM: Function call failed".*ncp-backup-exporter-prod-on-queue-message/,
		],
		['being updated', { State: 'Updating' }, 'warning', /^Updating: check again/],
		[
			'of another queue',
			{ EventSourceArn: 'arn:aws:sqs:ap-northeast-2:000000000000:export-requests-old' },
			'failed',
			/^ncp-backup-exporter-prod-on-queue-message does not read export-requests: deploy/,
		],
	])('reports an event source mapping that is %s', async (_name, changes, result, words) => {
		apis.mappings = [toMapping('on-queue-message', cloud.requestQueue.arn, changes)]
		expect(await finding('event source mapping of requests')).toMatchObject({
			result,
			words: expect.stringMatching(words),
		})
	})

	it('finds all alarms in place, whatever another stage’s alarms do', async () => {
		apis.alarms.push(toAlarm('requests-dead', { StateValue: 'ALARM' }, 'prod-eu'))
		expect(await finding('alarms')).toMatchObject({
			result: 'ok',
			words: `${ALARM_NAMES.length} alarms are in place, and none is firing`,
		})
	})

	it('names the alarms that fire, that notify no one, and that are gone', async () => {
		apis.alarms = ALARM_NAMES.filter((name) => name !== 'ledger').map((name) =>
			toAlarm(name, {
				StateValue: ['requests-dead', 'secret'].includes(name) ? 'ALARM' : 'OK',
				ActionsEnabled: name !== 'overdue',
			}),
		)
		expect(await finding('alarms')).toMatchObject({
			result: 'warning',
			words:
				'firing now: requests-dead, secret; docs/runbook.md says what to do about each; they notify no one, since their actions are disabled: overdue; aws cloudwatch enable-alarm-actions --alarm-names ncp-backup-exporter-prod-overdue …; they do not exist: ledger; deploy the stack again',
		})
	})

	it('reports a queue whose failed messages go elsewhere', async () => {
		const { sqs } = cloud.aws
		const QueueUrl = cloud.requestQueue.url
		const { Attributes: before } = await sqs.send(
			new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
		)
		const redirect = (RedrivePolicy: string | undefined) =>
			sqs.send(
				new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy: RedrivePolicy ?? '' } }),
			)
		expect(await finding('request queue')).toMatchObject({ result: 'ok' })
		await redirect(
			JSON.stringify({ deadLetterTargetArn: cloud.arrivalDeadLetterQueue.arn, maxReceiveCount: 6 }),
		)
		const found = await finding('request queue')
		await redirect(before?.RedrivePolicy)
		expect(found).toMatchObject({
			result: 'failed',
			words: expect.stringMatching(
				/^its failed messages go to export-arrivals-dead, not to export-requests-dead,.*deploy the stack again$/,
			),
		})
	})
})

const EVERYTHING = [
	...['request queue', 'arrival queue', 'coverage queue', 'dead letters of requests'],
	...['dead letters of arrival checks', 'dead letters of coverage checks'],
	...['dead letters of pipeline events', 'event source mapping of requests'],
	...['event source mapping of arrival checks', 'topic of operations', 'alarms', 'topic of outcomes'],
	...['table of exports', 'NCP', 'webhook secrets', 'bucket my-bucket', 'exports into my-bucket'],
]

describe('ops doctor, when many checks have one cause', () => {
	const bucket = ['--bucket', 'my-bucket']

	it.each([
		['ExpiredToken', 'AWS rejected the AWS credentials: they have expired; log in again'],
		['SignatureDoesNotMatch', 'AWS rejected the AWS credentials: the secret access key is wrong'],
	])('reports credentials once that AWS refuses from the start with %s', async (failure, words) => {
		apis.failure = failure
		expect(await findings(bucket)).toEqual([{ check: 'AWS', result: 'failed', words, unchecked: EVERYTHING }])
		const { code, output } = await doctor(bucket)
		expect(output.match(/credentials/g)).toHaveLength(1)
		expect(output).toContain(`1 of 1 check failed. ${EVERYTHING.length} more could not be made.`)
		expect(code).toBe(1)
	})

	it('reports a stack that does not exist once', async () => {
		const { code, json } = await doctor(['--stage', 'test', '--json'])
		expect(json()).toMatchObject([
			{
				check: 'stack',
				result: 'failed',
				words: 'the stack ncp-backup-exporter-test does not exist in ap-northeast-2',
				unchecked: EVERYTHING.slice(0, -2),
			},
		])
		expect(code).toBe(1)
	})

	it('reports credentials once that expire while it works', async () => {
		const expired = await startAwsApis()
		expired.failure = 'ExpiredTokenException'
		const services = ['SQS', 'SNS', 'DYNAMODB', 'SECRETS_MANAGER', 'LAMBDA', 'CLOUDWATCH']
		const env = Object.fromEntries(services.map((name) => [`AWS_ENDPOINT_URL_${name}`, expired.url]))
		const found = await findings(bucket, env)
		await expired.stop()
		expect(found).toMatchObject([{ check: 'AWS', result: 'failed', unchecked: EVERYTHING }])
	})

	it('reports an unreadable secret once, and makes all checks that do not need it', async () => {
		secrets.put('ncp/backup-exporter', '{"accessKey":"swordfish"}')
		const found = await findings(bucket)
		expect(found.filter(({ result }) => result === 'failed')).toMatchObject([
			{
				check: 'secret',
				words: expect.stringMatching(/^the secret ncp\/backup-exporter must be/),
				unchecked: EVERYTHING.slice(-4),
			},
		])
		expect(found.map(({ check }) => check)).toEqual([...EVERYTHING.slice(0, -4), 'secret'])
	})

	it('reports once that a service cannot be reached, with the checks that need it', async () => {
		const found = await findings(bucket, { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1' })
		expect(found.filter(({ result }) => result === 'failed')).toMatchObject([
			{
				check: 'AWS',
				words: expect.stringContaining('refused the connection'),
				unchecked: EVERYTHING.slice(0, 7),
			},
		])
	})
})
