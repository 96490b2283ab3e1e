import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCompletions } from '../../lib/aws/completions.ts'
import { toExportIdentity } from '../../lib/request/export-identity.ts'
import { parseExportRequest } from '../../lib/request/export-request.ts'
import { bundlePath, type Cloud, startCloud } from '../../tools/local/cloud.ts'
import type { Queue } from '../../tools/local/embedded-aws.ts'
import { createFunction } from '../../tools/local/function-process.ts'
import type { Fault, Instance } from '../../tools/local/ncp-simulator.ts'
import { toBatch, toSignedCall } from '../lambda-events.ts'
import { type Datapoint, isFiring, readDatapoints } from '../template/alarm.ts'
import { type Resource, readTemplate, root } from '../template/packaged.ts'
import { createLines } from './lines.ts'

const SERVICE = 'ncp-backup-exporter-dev'
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 'secret').toString('base64')}`

const FAULTS: Readonly<Record<string, Fault>> = {
	busy: 'busy',
	'busy-for-long': 'busy',
	'lost-1': 'cut',
	'lost-2': 'cut',
	'lost-3': 'cut',
	keys: {
		httpStatus: 401,
		contentType: 'application/json',
		body: '{"error":{"errorCode":"210","message":"Permission Denied"}}',
	},
}

let cloud: Cloud
const { all: lines, take, until } = createLines()
const alarms = new Map<string, Resource>()
/** With policies, whose alarms are here too: those of one of them. */
const { resources } = await readTemplate(inject('coveragePackageFolder'))

beforeAll(async () => {
	for (const resource of Object.values(resources)) {
		if (resource.Type !== 'AWS::CloudWatch::Alarm') continue
		const name = resource.Properties.AlarmName.replace(`${SERVICE}-`, '')
		if (!name.endsWith('-reports')) alarms.set(name, resource)
	}
	const files = [...Object.keys(FAULTS), 'plain', 'lands', ...FIVE, ...FIVE_MORE]
	cloud = await startCloud({
		isQueueIdle: true,
		maxBackOffSeconds: 0,
		// A tenth of a second.
		arrivalDeadlineMinutes: 1 / 600,
		env: { POWERTOOLS_SERVICE_NAME: SERVICE },
		simulator: {
			instances: new Map<string, Instance>([
				['1', { regionCode: 'KR', backups: new Set(files), landing: 'never' }],
				// Nobody ever asks for its backup, which ended years ago.
				['2', { regionCode: 'KR', backups: new Set(['never-asked-for']) }],
				['3', { regionCode: 'KR', backups: new Set(['removed']) }],
			]),
			buckets: new Set(['my-bucket', 'gone-bucket']),
			fault: ({ fileName }) => FAULTS[fileName],
		},
		onLine: take,
		onProblem: () => undefined,
	})
})
afterAll(async () => {
	await cloud.stop()
})

const FIVE = Array.from({ length: 5 }, (_, index) => `five-${index}`)
const FIVE_MORE = FIVE.map((name) => `${name}-more`)

const toRequest = (fileName: string, bucketName = 'my-bucket') =>
	JSON.stringify({ cloudPostgresqlInstanceNo: '1', fileName, bucketName })

const deliver = (bodies: readonly string[], receiveCount = 1) =>
	cloud.functions['on-queue-message'].invoke(toBatch(cloud.requestQueue.arn, bodies, receiveCount))

/** Invokes a function once, with a changed environment. */
async function invoke(name: string, env: Record<string, string>, event: unknown) {
	const fn = createFunction({
		name,
		bundle: bundlePath(name),
		env,
		// On a busy machine, five tries of a connection that is refused take seconds.
		timeoutMs: 25_000,
		onLine: take,
	})
	const result = await fn.invoke(event)
	await fn.stop()
	return result
}

/** Runs the check that an export scheduled until the deadline has passed. */
async function check(fileName: string, bucketName?: string): Promise<void> {
	await deliver([toRequest(fileName, bucketName)])
	for (;;) {
		const { Messages = [] } = await cloud.aws.sqs.send(
			new ReceiveMessageCommand({ QueueUrl: cloud.arrivalQueue.url, WaitTimeSeconds: 5 }),
		)
		if (Messages.length === 0) throw new Error('no check was asked for')
		const from = lines.length
		const bodies = Messages.map(({ Body = '' }) => Body)
		await cloud.arrivalFunction?.invoke(toBatch(cloud.arrivalQueue.arn, bodies))
		await until(() => /export (not arrived yet|missing|unverified)/.test(lines.slice(from).join()))
		if (/export (missing|unverified)/.test(lines.slice(from).join())) return
	}
}

const freshness = () =>
	cloud.arrivalFunction?.invoke({ 'detail-type': 'Scheduled Event', source: 'aws.events' })

const completions = () => createCompletions(cloud.table.items, cloud.table.tableName)

/** The metrics that AWS reports for a queue, read from the embedded queue. */
async function sqsDatapoints(logicalId: string, queue: Queue): Promise<Datapoint[]> {
	const { Attributes } = await cloud.aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['ApproximateNumberOfMessages'] }),
	)
	const visible = Number(Attributes?.ApproximateNumberOfMessages)
	return [sqs(logicalId, 'ApproximateNumberOfMessagesVisible', visible)]
}

/** The age of a queue's oldest message in an hour, if it is not received until then. */
async function ageInAnHour(logicalId: string, queue: Queue): Promise<Datapoint[]> {
	await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: '{}' }))
	const { Messages = [] } = await cloud.aws.sqs.send(
		new ReceiveMessageCommand({ QueueUrl: queue.url, MessageSystemAttributeNames: ['SentTimestamp'] }),
	)
	const sentAtMs = Number(Messages[0]?.Attributes?.SentTimestamp)
	return [sqs(logicalId, 'ApproximateAgeOfOldestMessage', (Date.now() + 3_600_000 - sentAtMs) / 1000)]
}

const sqs = (QueueName: string, metric: string, value: number): Datapoint => ({
	namespace: 'AWS/SQS',
	metric,
	dimensions: { QueueName },
	value,
})

const lambda = (FunctionName: string, metric: string, value: number): Datapoint => ({
	namespace: 'AWS/Lambda',
	metric,
	dimensions: { FunctionName },
	value,
})

/** A queue or a function by its logical id. */
const toText = (value: unknown): string =>
	typeof value === 'string'
		? value
		: (/:\["?(\w+)|"Ref":"(\w+)"/.exec(JSON.stringify(value))?.slice(1).find(Boolean) ?? '')

/** An invocation that Lambda counts as an error: the function cannot start. */
const crash = (name: string, logicalId: string) => async (): Promise<Datapoint[]> => {
	const { ok } = await invoke(name, {}, {})
	return [lambda(logicalId, 'Errors', ok ? 0 : 1)]
}

/** What only AWS itself can do does not happen locally, so the datapoint of Lambda's own metric is invented. */
const invented = (logicalId: string, metric: string) => async () => [lambda(logicalId, metric, 1)]
const throttle = (logicalId: string) => invented(logicalId, 'Throttles')

const NOWHERE = 'http://127.0.0.1:1'

/** Delivers a batch to the queue's function in a changed environment. */
const invokeWith = (env: Record<string, string>, bodies: readonly string[]) =>
	invoke('on-queue-message', { ...cloud.env, ...env }, toBatch('arn:q', bodies))

const POLICY = { name: 'nightly', bucketName: 'my-bucket' }

const checkCoverage = (instanceNo: string, bucketName = 'my-bucket') =>
	cloud.coverageFunction?.invoke({ policy: { ...POLICY, bucketName }, instanceNo })

const COVERAGE_FUNCTION = 'OnDashcoverageDashcheckLambdaFunction'

/** How to make each alarm fire. Datapoints of AWS's own metrics are returned; those of the code are in its log lines. */
const SCENARIOS: Readonly<Record<string, () => Promise<Datapoint[] | unknown>>> = {
	exhausted: () => deliver([toRequest('busy')], 6),
	'requests-dead': async () => {
		await deliver(['no request'])
		return sqsDatapoints('DeadLetterQueue', cloud.deadLetterQueue)
	},
	'arrivals-dead': async () => {
		const { url: QueueUrl } = cloud.arrivalDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))
		return sqsDatapoints('ArrivalDeadLetterQueue', cloud.arrivalDeadLetterQueue)
	},
	'pipeline-dead': async () => {
		const { url: QueueUrl } = cloud.pipelineDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))
		return sqsDatapoints('PipelineDeadLetterQueue', cloud.pipelineDeadLetterQueue)
	},
	missing: () => check('plain'),
	unverified: async () => {
		const s3 = new S3Client({
			region: cloud.aws.region,
			endpoint: cloud.aws.endpoint,
			forcePathStyle: true,
			credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
		})
		await s3.send(new DeleteBucketCommand({ Bucket: 'gone-bucket' }))
		s3.destroy()
		await check('lands', 'gone-bucket')
	},
	unknown: () => deliver([toRequest('lost-1'), toRequest('lost-2'), toRequest('lost-3')]),
	credentials: () => deliver([toRequest('keys')]),
	refused: () => deliver([toRequest('no-such-backup')]),
	secret: async () => {
		const { NCP_ACCESS_KEY: _access, NCP_SECRET_KEY: _secret, ...env } = cloud.env
		const unreadable = {
			...env,
			WEBHOOK_AUTH: 'signature',
			CREDENTIALS_SECRET_ID: 'gone',
			AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1',
		}
		await invoke('on-http-request', unreadable, toSignedCall(toRequest('plain'), WEBHOOK_SECRET))
	},
	'aws-refused': () => invokeWith({ EXPORTS_TABLE_NAME: 'gone' }, [toRequest('plain')]),
	scheduling: () =>
		invokeWith(
			{ AWS_ENDPOINT_URL_SQS: NOWHERE },
			FIVE_MORE.map((name) => toRequest(name)),
		),
	queueing: () => invokeWith({ AWS_ENDPOINT_URL_SQS: NOWHERE }, FIVE),
	waiting: () => deliver([toRequest('busy-for-long')]),
	overdue: async () => {
		const check = { exportKey: 'gone', exportId: 'gone', check: 0 }
		await cloud.arrivalFunction?.invoke(toBatch(cloud.arrivalQueue.arn, [JSON.stringify(check)]))
	},
	internal: async () => {
		// An item that was written by hand.
		const request = { cloudPostgresqlInstanceNo: '1', fileName: 'plain', bucketName: 'broken-item' }
		const { exportKey } = toExportIdentity(
			cloud.env.NCP_API_URL ?? '',
			parseExportRequest(request, { regionCode: 'KR' }),
		)
		const Item = { exportKey, event: 'no event', expiresAt: Math.ceil(Date.now() / 1000) + 3_600 }
		await cloud.table.items('PutItem', { TableName: cloud.table.tableName, Item })
		await deliver([JSON.stringify(request)])
	},
	ledger: () =>
		invokeWith(
			{ AWS_ENDPOINT_URL_DYNAMODB: NOWHERE },
			FIVE.map((name) => toRequest(name)),
		),
	publishing: () => {
		cloud.aws.failPublishes(5)
		return deliver(FIVE.map((name) => toRequest(name)))
	},
	freshness: async () => {
		// A day and two hours, and a minute.
		await completions().record({ instance: 'KR/1', atMs: Date.now() - 1_561 * 60_000 })
		await freshness()
	},
	'requests-age': () => ageInAnHour('RequestQueue', cloud.requestQueue),
	'arrivals-age': () => ageInAnHour('ArrivalQueue', cloud.arrivalQueue),
	'on-queue-message-errors': crash('on-queue-message', 'OnDashqueueDashmessageLambdaFunction'),
	'on-http-request-errors': crash('on-http-request', 'OnDashhttpDashrequestLambdaFunction'),
	'on-arrival-check-errors': crash('on-arrival-check', 'OnDasharrivalDashcheckLambdaFunction'),
	'on-queue-message-throttles': throttle('OnDashqueueDashmessageLambdaFunction'),
	'on-http-request-throttles': throttle('OnDashhttpDashrequestLambdaFunction'),
	'on-pipeline-event-throttles': throttle('OnDashpipelineDasheventLambdaFunction'),
	'on-arrival-check-throttles': throttle('OnDasharrivalDashcheckLambdaFunction'),
	'on-pipeline-event-dropped': invented('OnDashpipelineDasheventLambdaFunction', 'AsyncEventsDropped'),
	'on-pipeline-event-undelivered': invented(
		'OnDashpipelineDasheventLambdaFunction',
		'DestinationDeliveryFailures',
	),
	'on-queue-message-recursion': invented(
		'OnDashqueueDashmessageLambdaFunction',
		'RecursiveInvocationsDropped',
	),
	'on-arrival-check-recursion': invented(
		'OnDasharrivalDashcheckLambdaFunction',
		'RecursiveInvocationsDropped',
	),
	'coverage-behind-nightly': async () => checkCoverage('2'),
	'coverage-gone-nightly': async () => {
		const request = {
			product: 'postgresql',
			instanceNo: '3',
			fileName: 'removed',
			bucketName: 'my-bucket',
		} as const
		const identity = toExportIdentity(cloud.env.NCP_API_URL ?? '', {
			...request,
			folderPath: '3/',
			regionCode: 'KR',
		})
		const event = { data: { state: 'completed', terminal: true, object: { key: '3/removed' }, request } }
		const expiresAt = Math.ceil(Date.now() / 1000) + 3_600
		const Item = { ...identity, exportId: 'e', state: 'completed', event: JSON.stringify(event), expiresAt }
		await cloud.table.items('PutItem', { TableName: cloud.table.tableName, Item })
		await checkCoverage('3')
	},
	// It fires without any datapoint, and ends with one.
	'coverage-stopped-nightly': async () => [],
	'coverage-dead': async () => {
		const { url: QueueUrl } = cloud.coverageDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))
		return sqsDatapoints('CoverageDeadLetterQueue', cloud.coverageDeadLetterQueue)
	},
	'coverage-policy': async () => cloud.coverageFunction?.invoke({ policy: { name: 'nightly' } }),
	'coverage-bucket': async () => {
		for (let checks = 0; checks < 5; checks++) await checkCoverage('2', 'no-such-bucket')
	},
	'on-coverage-check-throttles': throttle(COVERAGE_FUNCTION),
	'on-http-request-5xx': async () => [
		{ namespace: 'AWS/ApiGateway', metric: '5xx', dimensions: { ApiId: 'HttpApi' }, value: 5 },
	],
}

/** The same datapoints with a count of one less, or with a maximum of one less than the threshold. */
function justBelow({ Properties }: Resource, datapoints: readonly Datapoint[]): Datapoint[] {
	const isCounted = ({ metric, namespace }: Datapoint): boolean =>
		metric === Properties.MetricName && namespace === Properties.Namespace
	if (Properties.Statistic === 'Sum') {
		const last = datapoints.findLastIndex(isCounted)
		// With a threshold lower by one, the alarm would still fire.
		return datapoints.map((each, index) => (index === last ? { ...each, value: each.value - 1 } : each))
	}
	return datapoints.map((each) => (isCounted(each) ? { ...each, value: Properties.Threshold - 1 } : each))
}

/** Their metrics come with a schedule, so missing data means that it has stopped. */
const SCHEDULED: ReadonlySet<string> = new Set(['freshness', 'coverage-stopped-nightly'])

describe('each alarm of the template', () => {
	it('has a scenario here, and a section in docs/runbook.md', async () => {
		expect([...alarms.keys()].sort()).toEqual(Object.keys(SCENARIOS).sort())
		const runbook = await readFile(join(root, 'docs/runbook.md'), 'utf8')
		for (const [name, { Properties }] of alarms) {
			// The alarms of all policies share a section.
			const section = name.replace(/-nightly$/, '')
			expect(runbook).toMatch(new RegExp(`^## ${section}$`, 'm'))
			expect(Properties.AlarmDescription).toMatch(
				new RegExp(`^[A-Z\`][\\s\\S]{20,}docs/runbook\\.md#${section}$`),
			)
			expect(Properties.AlarmActions).toEqual([{ Ref: 'OperationsTopic' }])
		}
	})

	it('coverage-stopped ends with a single check', async () => {
		const alarm = alarms.get('coverage-stopped-nightly') as Resource
		const from = lines.length
		await checkCoverage('2')
		await until(() => !isFiring(alarm, readDatapoints(lines.slice(from)), toText))
		const checks = readDatapoints(lines.slice(from)).filter(({ metric }) => metric === 'CoverageChecks')
		expect(isFiring(alarm, checks.slice(1), toText)).toBe(true)
	})

	it.each(Object.keys(SCENARIOS).filter((name) => name !== 'coverage-stopped-nightly'))(
		'%s fires at its threshold, and not just below',
		async (name) => {
			const alarm = alarms.get(name)
			if (alarm === undefined) throw new Error(`there is no alarm ${name}`)
			// Missing data is normal, except for the metrics that are reported on a schedule.
			expect(isFiring(alarm, [], toText)).toBe(SCHEDULED.has(name))
			const from = lines.length
			const reported = await SCENARIOS[name]?.()
			const byAws = Array.isArray(reported) ? (reported as Datapoint[]) : []
			await until(() => isFiring(alarm, [...readDatapoints(lines.slice(from)), ...byAws], toText))
			const datapoints = [...readDatapoints(lines.slice(from)), ...byAws]
			expect(isFiring(alarm, justBelow(alarm, datapoints), toText)).toBe(false)
		},
	)

	it('does not fire for a successful export and fresh instances', async () => {
		const from = lines.length
		await completions().forget('KR/1')
		await completions().record({ instance: 'KR/2', atMs: Date.now() })
		await freshness()
		await deliver([toRequest('plain')])
		await until(() => /Export_missing/.test(lines.slice(from).join()))
		const datapoints = readDatapoints(lines.slice(from))
		for (const [name, alarm] of alarms) {
			// An earlier scenario ended this export as missing; it is published again. No coverage was checked.
			if (name !== 'missing' && name !== 'coverage-stopped-nightly')
				expect([name, isFiring(alarm, datapoints, toText)]).toEqual([name, false])
		}
	})
})

it('shows only reported metrics on the dashboard', async () => {
	const body = resources.Dashboard?.Properties.DashboardBody['Fn::Sub'] as string
	const drawn = [...body.matchAll(/\["NcpBackupExporter","(\w+)","service","([\w-]+)"/g)]
	expect(drawn.length).toBeGreaterThan(15)
	const files = ['lib/observe/observe.ts', 'lib/observe/observe-coverage.ts', 'functions/on-http-request.ts']
	const sources = await Promise.all(files.map((path) => readFile(join(root, path), 'utf8')))
	for (const [, metric = '', service] of drawn) {
		expect(service).toBe(SERVICE)
		// States and codes come from the code's own tables; other metrics are named where they are reported.
		if (!/^(Export|Failed)_/.test(metric)) expect(sources.join()).toContain(`'${metric}'`)
	}
})
