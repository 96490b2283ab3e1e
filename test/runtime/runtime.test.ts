import { readFileSync } from 'node:fs'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import type { SQSEvent } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import type { Fault } from '../../tools/local/ncp-simulator.ts'
import { startGate } from '../gate.ts'
import { takeOutcomes } from '../integration/outcomes.ts'
import { endLeases, readExports } from '../integration/table.ts'
import { toBatch, toSignedCall } from '../lambda-events.ts'
import { isRuntimeInstalled, type Runtime, startRuntime } from './runtime-api.ts'

const MISSING =
	'test/runtime: AWS’s own runtime is not installed; its tests are skipped. To install it: ' +
	'npm ci --prefix test/runtime (needs cmake, g++ and make, and about a minute)'
if (!isRuntimeInstalled) {
	if (process.env.RUNTIME_REQUIRED) throw new Error(MISSING)
	process.stderr.write(`${MISSING}\n`)
}

/** None of these may be printed or posted, whatever happens. */
const SECRETS = {
	NCP_ACCESS_KEY: 'NCP-ACCESS-KEY-NOT-TO-BE-SEEN',
	NCP_SECRET_KEY: 'ncp-secret-key-not-to-be-seen',
	AWS_SECRET_ACCESS_KEY: 'aws-secret-key-not-to-be-seen',
	AWS_SESSION_TOKEN: 'aws-session-token-not-to-be-seen',
	WEBHOOK_SECRETS: `whsec_${Buffer.from('webhook secret not to be seen').toString('base64')}`,
}

/** One or two per test: the file name identifies an export, and the tests share the table. */
const BACKUPS = Array.from({ length: 9 }, (_, index) => `2021050${index + 1}`)
const toRequest = (fileName: string) => ({
	cloudPostgresqlInstanceNo: '1',
	fileName,
	bucketName: 'my-bucket',
})

let cloud: Cloud
/** Faults of the simulated NCP, by file name. */
const faults = new Map<string, () => Fault>()
const runtimes: Runtime[] = []

const SERVERLESS = readFileSync(new URL('../../serverless.yml', import.meta.url), 'utf8')
const HANDLERS = new Map(
	[...SERVERLESS.matchAll(/^ {2}(on-[\w-]+):\n {4}handler: (\S+)$/gm)].map(([, name = '', handler = '']) => [
		name,
		handler,
	]),
)

async function start(functionName: string, env: Readonly<Record<string, string>> = {}): Promise<Runtime> {
	const handler = HANDLERS.get(functionName) ?? ''
	const runtime = await startRuntime({ functionName, handler, env: { ...cloud.env, ...env } })
	runtimes.push(runtime)
	return runtime
}

const toRequests = (...fileNames: string[]): SQSEvent =>
	toBatch(
		cloud.requestQueue.arn,
		fileNames.map((fileName) => JSON.stringify(toRequest(fileName))),
	)

const takeOutcome = async (): Promise<OutcomeEvent | undefined> =>
	(await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1))[0]

/** The message of the check that an export scheduled. */
async function takeCheck(exportId: string): Promise<string> {
	const { Messages = [] } = await cloud.aws.sqs.send(
		new ReceiveMessageCommand({ QueueUrl: cloud.arrivalQueue.url, MaxNumberOfMessages: 10 }),
	)
	return Messages.map(({ Body = '' }) => Body).find((body) => body.includes(exportId)) ?? ''
}

const performed = (fileName: string): number =>
	cloud.ncp?.performed.filter((each) => each.fileName === fileName).length ?? 0

/** The lines that are plain JSON: CloudWatch reads metrics and fields only from those. */
async function printedJson(runtime: Runtime): Promise<Record<string, unknown>[]> {
	const { printed } = await runtime.stop()
	return printed
		.split('\n')
		.filter((line) => line.startsWith('{'))
		.map((line) => JSON.parse(line))
}

describe.skipIf(!isRuntimeInstalled)('under AWS’s own runtime', () => {
	beforeAll(async () => {
		cloud = await startCloud({
			isQueueIdle: true,
			// Arrival checks are due immediately.
			maxBackOffSeconds: 0,
			arrivalDeadlineMinutes: 1,
			// A call may take a minute, so in these tests only a deadline ends it.
			env: { ...SECRETS, WEBHOOK_AUTH: 'signature', NCP_TIMEOUT_MS: '60000' },
			simulator: {
				keys: new Map([[SECRETS.NCP_ACCESS_KEY, SECRETS.NCP_SECRET_KEY]]),
				// The test puts the file there itself.
				instances: new Map([['1', { regionCode: 'KR', backups: new Set(BACKUPS), landing: 'never' }]]),
				fault: ({ fileName }) => faults.get(fileName)?.(),
			},
		})
	})
	afterEach(async () => {
		faults.clear()
		for (const runtime of runtimes.splice(0)) {
			const { printed, posted } = await runtime.stop()
			for (const secret of Object.values(SECRETS)) expect(printed + posted).not.toContain(secret)
		}
	})
	afterAll(() => cloud.stop())

	describe('a start', () => {
		it.each([...HANDLERS.keys()])('of %s ends with a request for the first invocation', async (name) => {
			expect(await (await start(name)).started).toEqual({ kind: 'ready' })
		})

		it('without its configuration posts the names of missing and invalid variables', async () => {
			const runtime = await start('on-http-request', {
				RESULT_TOPIC_ARN: '',
				EXPORTS_TABLE_NAME: '',
				NCP_ACCESS_KEY: `${SECRETS.NCP_ACCESS_KEY} `.repeat(2),
				WEBHOOK_SECRETS: `${SECRETS.WEBHOOK_SECRETS} too-short`,
			})
			expect(await runtime.started).toMatchObject({
				kind: 'init-error',
				error: {
					errorType: 'ExportFailed',
					errorMessage: [
						'NCP_ACCESS_KEY must be printable ASCII',
						'RESULT_TOPIC_ARN is not set',
						'EXPORTS_TABLE_NAME is not set',
						'WEBHOOK_SECRETS must hold secrets of 24 to 64 bytes in base64',
					].join('; '),
				},
			})
		})
	})

	describe('a success', () => {
		it('of a batch returns an empty list, and its outcome reaches the topic', async () => {
			const runtime = await start('on-queue-message')
			const ending = await runtime.invoke(toRequests('20210501'))
			expect(ending).toEqual({ kind: 'response', value: { batchItemFailures: [] } })
			expect(await takeOutcome()).toMatchObject({ data: { state: 'accepted', trigger: { id: 'message-0' } } })
			expect(await printedJson(runtime)).toEqual([
				expect.objectContaining({ message: 'export accepted', fileName: '20210501' }),
				expect.objectContaining({ _aws: expect.anything(), Export_accepted: 1 }),
			])
		})

		it('of a signed webhook call returns 202 and the outcome', async () => {
			const runtime = await start('on-http-request')
			const body = JSON.stringify(toRequest('20210502'))
			const ending = await runtime.invoke(toSignedCall(body, SECRETS.WEBHOOK_SECRETS))
			const event = await takeOutcome()
			expect(ending).toMatchObject({ kind: 'response', value: { statusCode: 202, body: expect.anything() } })
			expect(ending).toHaveProperty('value.body', JSON.stringify(event))
		})

		it('of a pipeline event, its arrival check and the schedule: accepted, completed, counted', async () => {
			const pipeline = await start('on-pipeline-event')
			const ending = await pipeline.invoke(toRequest('20210503'))
			const accepted = await takeOutcome()
			expect(accepted?.data).toMatchObject({ state: 'accepted', terminal: false })
			expect(ending).toEqual({ kind: 'response', value: accepted })

			await cloud.aws.putObject('my-bucket', '20210503', 'a backup')
			const arrival = await start('on-arrival-check')
			const none = { kind: 'response', value: { batchItemFailures: [] } }
			const check = await takeCheck(accepted?.data.exportId ?? '')
			expect(await arrival.invoke(toBatch(cloud.arrivalQueue.arn, [check]))).toEqual(none)
			expect(await takeOutcome()).toMatchObject({
				subject: 'my-bucket/20210503',
				data: { state: 'completed' },
			})

			expect(await arrival.invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event' })).toEqual(none)
			expect(await printedJson(arrival)).toContainEqual(
				expect.objectContaining({ instance: 'KR/1', MinutesSinceCompleted: 0 }),
			)
		})
	})

	describe('an error', () => {
		it('RequestInvalid is posted by name, and logged with only its own fields', async () => {
			const runtime = await start('on-pipeline-event')
			const ending = await runtime.invoke({ ...toRequest('20210504'), bucketName: 'X' })
			expect(ending).toMatchObject({
				kind: 'error',
				error: { errorType: 'RequestInvalid', errorMessage: expect.stringMatching(/^bucketName /) },
			})
			expect(await takeOutcome()).toMatchObject({ data: { state: 'rejected' } })
			expect(performed('20210504')).toBe(0)

			const { printed } = await runtime.stop()
			const logged = JSON.parse(/\tInvoke Error \t(.+)$/m.exec(printed)?.[1] ?? '')
			expect(Object.keys(logged).sort()).toEqual([
				'code',
				'errorMessage',
				'errorType',
				'firstWaitSeconds',
				'mayBeDone',
				'problems',
				'replyCode',
				'retryAfterSeconds',
				'retryable',
				'stack',
			])
		})

		it('ExportRetryable is posted by name, without the keys that NCP’s reply quotes', async () => {
			const runtime = await start('on-pipeline-event')
			const quote = `${SECRETS.NCP_ACCESS_KEY} ${SECRETS.NCP_SECRET_KEY}`
			const body = `<error><errorCode>200</errorCode><message>${quote}</message><details>${quote}</details></error>`
			faults.set('20210504', () => ({ httpStatus: 401, contentType: 'application/xml', body }))
			expect(await runtime.invoke(toRequest('20210504'))).toMatchObject({
				kind: 'error',
				error: { errorType: 'ExportRetryable', errorMessage: expect.stringContaining('200') },
			})
		})
	})

	describe('a deadline', () => {
		it('that is near returns messages untouched, to be processed when there is time', async () => {
			const runtime = await start('on-queue-message')
			const batch = toRequests('20210505', '20210506')
			const items = await readExports(cloud.table)
			const calls = cloud.ncp?.calls()
			expect(await runtime.invoke(batch, 7_000)).toEqual({
				kind: 'response',
				value: { batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-1' }] },
			})
			expect(await readExports(cloud.table)).toEqual(items)
			expect(cloud.ncp?.calls()).toBe(calls)

			expect(await runtime.invoke(batch)).toEqual({ kind: 'response', value: { batchItemFailures: [] } })
			const outcomes = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 2)
			expect(outcomes.map(({ data }) => data.state)).toEqual(['accepted', 'accepted'])
		})

		it('is met when NCP never answers: the export is unknown, and the message is acknowledged', async () => {
			const runtime = await start('on-queue-message')
			faults.set('20210507', () => 'hang')
			expect(await runtime.invoke(toRequests('20210507'), 10_000)).toEqual({
				kind: 'response',
				value: { batchItemFailures: [] },
			})
			expect(await takeOutcome()).toMatchObject({ subject: 'my-bucket/20210507', data: { state: 'unknown' } })
		})

		it('is met when the dead-letter queue never answers: the message stays, and the next process publishes the same event', async () => {
			const gate = await startGate(cloud.aws.endpoint, ({ operation }) =>
				operation === 'SendMessage' ? new Promise(() => undefined) : undefined,
			)
			const slow = await start('on-queue-message', {
				AWS_ENDPOINT_URL_SQS: gate.url,
				DEAD_LETTER_QUEUE_URL: cloud.deadLetterQueue.url.replace(cloud.aws.endpoint, gate.url),
			})
			expect(await slow.started).toEqual({ kind: 'ready' })
			const rejected = toBatch(cloud.requestQueue.arn, ['no request'])
			expect(await slow.invoke(rejected, 6_000)).toEqual({
				kind: 'response',
				value: { batchItemFailures: [{ itemIdentifier: 'message-0' }] },
			})
			await gate.stop()

			const next = await start('on-queue-message')
			expect(await next.invoke(rejected)).toEqual({ kind: 'response', value: { batchItemFailures: [] } })
			const [first, second] = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 2)
			expect(first).toMatchObject({ data: { state: 'rejected' } })
			expect(second).toEqual(first)
			const { Messages } = await cloud.aws.sqs.send(
				new ReceiveMessageCommand({ QueueUrl: cloud.deadLetterQueue.url, MaxNumberOfMessages: 10 }),
			)
			expect(Messages?.map(({ Body }) => Body)).toEqual(['no request'])
		})
	})

	describe('a process that is killed', () => {
		it('during the call leaves the export in progress, then unknown, and NCP is not called again', async () => {
			const killed = await start('on-pipeline-event')
			faults.set('20210509', () => {
				void killed.stop()
				return 'perform-then-hang'
			})
			expect(await killed.invoke(toRequest('20210509'))).toEqual({ kind: 'exit', status: 'SIGKILL' })
			faults.clear()

			const next = await start('on-pipeline-event')
			expect(await next.invoke(toRequest('20210509'))).toMatchObject({
				kind: 'error',
				error: { errorType: 'ExportRetryable', errorMessage: expect.stringContaining('another delivery') },
			})
			await endLeases(cloud.table)
			expect(await next.invoke(toRequest('20210509'))).toMatchObject({
				kind: 'response',
				value: { data: { state: 'unknown' } },
			})
			await takeOutcome()
			expect(performed('20210509')).toBe(1)
		})
	})
})
