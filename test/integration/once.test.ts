import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cloud, type CloudOptions, LOCAL_KEYS, startCloud } from '../../tools/local/cloud.ts'
import { gateWith } from '../gate.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'
import { takeOutcomes } from './outcomes.ts'
import { readExports } from './table.ts'

let cloud: Cloud
let secrets: EmbeddedSecrets | undefined
afterEach(async () => {
	await cloud.stop()
	await secrets?.stop()
	secrets = undefined
})

async function start(options: CloudOptions = {}): Promise<Cloud> {
	cloud = await startCloud({ maxBackOffSeconds: 1, ...options })
	return cloud
}

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const record = (messageId: string, body: unknown = REQUEST, attributes: object = {}) => ({
	messageId,
	body: JSON.stringify(body),
	attributes: { ApproximateReceiveCount: '1', ...attributes },
	messageAttributes: {},
})
const invoke = (...Records: object[]) => cloud.functions['on-queue-message'].invoke({ Records })
const failedIds = (...ids: string[]) => ({
	ok: true,
	value: { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) },
})
const outcomes = (count: number) => takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, count)
const depth = async (queueUrl: string) => {
	const { Attributes = {} } = await cloud.aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
	)
	return Number(Attributes.ApproximateNumberOfMessages)
}

describe('one export', () => {
	it('is performed once for ten concurrent deliveries in two processes', async () => {
		const { ncp } = await start({ isQueueIdle: true })
		const both = await Promise.all([
			invoke(...Array.from({ length: 5 }, (_, n) => record(`a${n}`))),
			invoke(...Array.from({ length: 5 }, (_, n) => record(`b${n}`))),
		])
		expect(ncp?.calls()).toBe(1)
		expect(ncp?.performed).toHaveLength(1)
		// Deliveries that came while it was in progress are repeated, and get the same event.
		const failed = both.flatMap((result) =>
			result.ok ? (result.value as { batchItemFailures: object[] }).batchItemFailures : [],
		)
		const events = await outcomes(10 - failed.length)
		expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1)
	})

	it('is rejected under one idempotency key with different fields, and published for each request', async () => {
		const { ncp, deadLetterQueue } = await start({ isQueueIdle: true })
		await invoke(record('m-1', { ...REQUEST, idempotencyKey: 'k' }))
		await invoke(record('m-2', { ...REQUEST, idempotencyKey: 'k', fileName: '20210529' }))
		const [first, second] = await outcomes(2)
		expect([first?.data.state, second?.data.state]).toEqual(['accepted', 'rejected'])
		expect(second?.data.error?.code).toBe('IDEMPOTENCY_MISMATCH')
		expect(ncp?.calls()).toBe(1)
		expect(await depth(deadLetterQueue.url)).toBe(1)
	})

	it.each([1, 3])('is called once, with one event id, while the topic fails %i times', async (failures) => {
		const { aws, ncp, table } = await start({ isQueueIdle: true })
		aws.failPublishes(failures)
		for (let n = 0; n < failures; n++) expect(await invoke(record('m-1'))).toEqual(failedIds('m-1'))
		const [stored] = await readExports(table)
		expect(await invoke(record('m-1'))).toEqual(failedIds())
		const [event] = await outcomes(1)
		expect(event).toEqual(JSON.parse(String(stored?.event)))
		expect(ncp?.calls()).toBe(1)
	})
})

describe('a batch', () => {
	it('of every kind of message returns exactly the ids to deliver again', async () => {
		const instances = new Map(
			Array.from({ length: 10 }, (_, n) => [`100${n}`, { regionCode: 'KR', backups: new Set(['20210528']) }]),
		)
		await start({
			isQueueIdle: true,
			simulator: {
				instances,
				fault: ({ instanceNo: no }) =>
					(
						({
							'1001': 'busy',
							'1002': 'throttle',
							'1003': 'cut',
							'1004': 'unavailable',
							'1005': 'fail',
						}) as const
					)[no],
			},
		})
		const of = (no: string) => ({ ...REQUEST, cloudPostgresqlInstanceNo: no, folderPath: no })
		const result = await invoke(
			record('accepted', of('1000')),
			record('duplicate', of('1000')),
			record('busy', of('1001')),
			record('throttled', of('1002')),
			record('cut', of('1003')),
			record('unavailable', of('1004')),
			record('failed', of('1005')),
			record('refused', of('9')),
			record('rejected', { a: 1 }),
			record('wrapped', { detail: of('1006') }),
		)
		expect(result).toEqual(failedIds('busy', 'throttled', 'unavailable'))
		const events = await outcomes(7)
		expect(events.map(({ data }) => data.state).sort()).toEqual([
			'accepted',
			'accepted',
			'accepted',
			'refused',
			'rejected',
			'unknown',
			'unknown',
		])
	})

	it('in which all messages must be retried returns all ten ids, and does not throw', async () => {
		const instances = new Map(
			Array.from({ length: 10 }, (_, n) => [`100${n}`, { regionCode: 'KR', backups: new Set(['20210528']) }]),
		)
		await start({ isQueueIdle: true, simulator: { instances, fault: () => 'throttle' } })
		const ids = Array.from({ length: 10 }, (_, n) => `100${n}`)
		expect(
			await invoke(
				...ids.map((no) => record(no, { ...REQUEST, cloudPostgresqlInstanceNo: no, folderPath: no })),
			),
		).toEqual(failedIds(...ids))
	})

	it('fails when the event is not a batch', async () => {
		await start({ isQueueIdle: true })
		expect(await cloud.functions['on-queue-message'].invoke(REQUEST)).toMatchObject({
			ok: false,
			errorType: 'TypeError',
		})
	})
})

describe('a dead letter', () => {
	it('is exhausted first, and starts over when it is redriven', async () => {
		let isBusy = true
		const { ncp, deadLetterQueue, requestQueue, aws } = await start({
			visibilitySeconds: 1,
			simulator: { fault: () => (isBusy ? 'busy' : undefined) },
		})
		await aws.sqs.send(
			new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody: JSON.stringify(REQUEST) }),
		)
		const [event] = await outcomes(1)
		expect(event?.data).toMatchObject({
			state: 'exhausted',
			terminal: true,
			attempts: 6,
			error: { ncpCode: '5001005' },
		})
		expect(ncp?.calls()).toBe(6)
		const { Messages = [] } = await aws.sqs.send(
			new ReceiveMessageCommand({ QueueUrl: deadLetterQueue.url, WaitTimeSeconds: 20 }),
		)
		expect(Messages.map(({ Body }) => Body)).toEqual([JSON.stringify(REQUEST)])
		isBusy = false
		await invoke(record('m-1', REQUEST, { DeadLetterQueueSourceArn: requestQueue.arn }))
		const [said, again] = await outcomes(2)
		expect(said).toEqual(event)
		expect(again?.data).toMatchObject({ state: 'accepted', attempts: 1 })
		expect(again?.data.exportId).not.toBe(event?.data.exportId)
	})

	it('is created on the first receive of a rejected message, with the reason in attributes', async () => {
		const { deadLetterQueue, requestQueue, aws } = await start()
		const { MessageId } = await aws.sqs.send(
			new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody: '{"a":1}' }),
		)
		const { Messages = [] } = await aws.sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: deadLetterQueue.url,
				WaitTimeSeconds: 20,
				MessageAttributeNames: ['All'],
			}),
		)
		expect(Messages).toMatchObject([
			{
				Body: '{"a":1}',
				MessageAttributes: {
					errorCode: { StringValue: 'REQUEST_INVALID' },
					originalMessageId: { StringValue: MessageId },
				},
			},
		])
	})
})

describe('an export with a wrong clock or key pair', () => {
	it.each([7, -7])('ends accepted with a clock that is %i minutes off', async (minutes) => {
		const { ncp } = await start({
			isQueueIdle: true,
			simulator: { now: () => Date.now() + minutes * 60_000 },
		})
		expect(await invoke(record('m-1'))).toEqual(failedIds())
		expect((await outcomes(1))[0]?.data.state).toBe('accepted')
		expect(ncp?.calls()).toBe(2)
	})

	it('ends accepted with a clock that jumps between attempts', async () => {
		let offsetMs = 7 * 60_000
		const { ncp } = await start({
			isQueueIdle: true,
			simulator: { now: () => Date.now() + offsetMs, fault: ({ nth }) => (nth === 1 ? 'busy' : undefined) },
		})
		expect(await invoke(record('m-1'))).toEqual(failedIds('m-1'))
		offsetMs = -7 * 60_000
		expect(await invoke(record('m-1'))).toEqual(failedIds())
		expect((await outcomes(1))[0]?.data).toMatchObject({ state: 'accepted', attempts: 2 })
		expect(ncp?.performed).toHaveLength(1)
	})

	it('ends accepted, with one more call, when the key pair was rotated', async () => {
		secrets = await startEmbeddedSecrets()
		secrets.put('ncp', JSON.stringify({ accessKey: 'OLD', secretKey: 'old' }))
		const keys = new Map([['OLD', 'old']])
		const env = {
			CREDENTIALS_SECRET_ID: 'ncp',
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
			NCP_ACCESS_KEY: '',
			NCP_SECRET_KEY: '',
		}
		const { ncp } = await start({ isQueueIdle: true, env, simulator: { keys } })
		await invoke(record('m-1'))
		keys.delete('OLD')
		keys.set(LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey)
		secrets.put('ncp', JSON.stringify(LOCAL_KEYS))
		expect(await invoke(record('m-2', { ...REQUEST, fileName: '20210529' }))).toEqual(failedIds())
		expect((await outcomes(2)).map(({ data }) => data.state)).toEqual(['accepted', 'accepted'])
		expect(ncp?.calls()).toBe(3)
		expect(secrets.reads()).toBe(2)
	})

	it('stays in the queue, and sends nothing, when the secret cannot be read', async () => {
		secrets = await startEmbeddedSecrets()
		const env = {
			CREDENTIALS_SECRET_ID: 'ncp',
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
			NCP_ACCESS_KEY: '',
			NCP_SECRET_KEY: '',
		}
		const { ncp, table } = await start({ isQueueIdle: true, env })
		expect(await invoke(record('m-1'))).toEqual(failedIds('m-1'))
		expect(ncp?.calls()).toBe(0)
		expect(await readExports(table)).toMatchObject([{ state: 'waiting' }])
	})
})

describe('the webhook', () => {
	const post = (body: object = REQUEST) =>
		fetch(`${cloud.webhookUrl}/exports`, {
			method: 'POST',
			body: JSON.stringify(body),
			headers: { 'content-type': 'application/json' },
		})

	it('answers 202 when only publishing failed, and the queue publishes without calling NCP', async () => {
		const { aws, ncp } = await start()
		aws.failPublishes(1)
		const response = await post()
		expect(response.status).toBe(202)
		const [event] = await outcomes(1)
		expect(event).toEqual(await response.json())
		expect(ncp?.calls()).toBe(1)
	})

	it('answers a repeated request with the stored outcome', async () => {
		const { ncp } = await start()
		const [first, second] = [await (await post()).json(), await (await post()).json()]
		expect(second).toEqual(first)
		expect(ncp?.calls()).toBe(1)
	})

	it('answers 409 while the same export is in progress, and 422 to its key with different fields', async () => {
		const release = Promise.withResolvers<void>()
		const called = Promise.withResolvers<void>()
		await start({
			proxy: gateWith(async ({ operation }, phase) => {
				if (operation !== 'PublishBatch' || phase !== 'before') return
				called.resolve()
				await release.promise
			}),
			simulator: { fault: () => undefined },
			env: { NCP_TIMEOUT_MS: '2000' },
		})
		const slow = cloud.functions['on-pipeline-event'].invoke({ ...REQUEST, idempotencyKey: 'k' })
		await called.promise
		release.resolve()
		await slow
		expect((await post({ ...REQUEST, idempotencyKey: 'k', fileName: '20210529' })).status).toBe(422)
		// An export that another process has claimed but not settled yet.
		const hanging = Promise.withResolvers<void>()
		await cloud.stop()
		await start({
			simulator: {
				fault: () => {
					hanging.resolve()
					return 'hang'
				},
			},
			env: { NCP_TIMEOUT_MS: '1500' },
		})
		const first = post()
		await hanging.promise
		const second = await post()
		expect(second.status).toBe(409)
		expect(await second.json()).toMatchObject({ code: 'IN_PROGRESS', retryable: true })
		expect((await first).status).toBe(202)
	})
})
