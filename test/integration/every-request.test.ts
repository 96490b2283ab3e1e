import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import { gateWith } from '../gate.ts'
import { takeOutcomes } from './outcomes.ts'
import { World } from './world.ts'

let cloud: Cloud
let world: World | undefined
afterEach(async () => {
	await (world ?? cloud).stop()
	world = undefined
})

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

const start = async (options: CloudOptions = {}) => {
	cloud = await startCloud({ isQueueIdle: true, ...options })
}

const post = (body: object, headers: object = {}) =>
	fetch(`${cloud.webhookUrl}/exports`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', ...headers },
		body: JSON.stringify(body),
	})

const outcomes = (count: number) => takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, count)

async function queued(): Promise<number> {
	const { Attributes = {} } = await cloud.aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl: cloud.requestQueue.url, AttributeNames: ['All'] }),
	)
	return Number(Attributes.ApproximateNumberOfMessages)
}

describe('an asynchronous call publishes an event', () => {
	const ASYNC = { prefer: 'respond-async' }

	it('for an invalid request', async () => {
		await start()
		const response = await post({ ...REQUEST, bucketName: 'X' }, ASYNC)
		expect(response.status).toBe(422)
		const [event] = await outcomes(1)
		expect(event?.data).toMatchObject({ state: 'rejected', error: { code: 'REQUEST_INVALID' } })
		expect(await queued()).toBe(0)
	})

	it('for an idempotency key that was used for another request', async () => {
		await start()
		await post({ ...REQUEST, idempotencyKey: 'k' }, ASYNC)
		const response = await post({ ...REQUEST, idempotencyKey: 'k', fileName: 'other' }, ASYNC)
		expect(response.status).toBe(422)
		const [event] = await outcomes(1)
		expect(event?.data).toMatchObject({ state: 'rejected', error: { code: 'IDEMPOTENCY_MISMATCH' } })
		expect(await queued()).toBe(1)
	})
})

it('publishes the same event for an invalid request each time that Lambda repeats the invocation', async () => {
	world = await World.start({})
	cloud = world.cloud
	for (const minutes of [1, 2, 60]) {
		expect(await cloud.functions['on-pipeline-event'].invoke({ a: 1 }, 'invocation-1')).toMatchObject({
			ok: false,
			errorType: 'RequestInvalid',
		})
		await world.pass(minutes, minutes)
	}
	expect(world.events).toHaveLength(3)
	expect(world.events[0]?.id).toBe('invocation-1/rejected')
	expect(new Set(world.events.map((event) => JSON.stringify(event))).size).toBe(1)
})

describe('a webhook call that is answered with 503', () => {
	it('queues nothing when the table was down before the claim', async () => {
		await start({
			proxy: gateWith(({ operation }, phase) => {
				if (operation === 'PutItem' && phase === 'before') throw new Error('down')
			}),
		})
		const response = await post(REQUEST)
		expect(response.status).toBe(503)
		expect(await response.json()).toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		expect(await queued()).toBe(0)
		expect(cloud.ncp?.calls()).toBe(0)
	})

	it('is queued when NCP has done the export but the outcome could not be stored', async () => {
		let writes = 0
		await start({
			proxy: gateWith(({ operation }, phase) => {
				if (operation === 'PutItem' && phase === 'before' && ++writes > 1) throw new Error('down')
			}),
		})
		expect((await post(REQUEST)).status).toBe(503)
		expect(cloud.ncp?.performed).toHaveLength(1)
		expect(await queued()).toBe(1)
	})
})
