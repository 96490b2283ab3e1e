import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, describe, expect, it } from 'vitest'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import type { InvocationResult } from '../../tools/local/function-process.ts'
import type { GateCall } from '../gate.ts'
import { gateWith } from '../gate.ts'
import { takeOutcomes } from './outcomes.ts'
import { readExports } from './table.ts'

const clouds: Cloud[] = []
afterAll(() => Promise.all(clouds.map((cloud) => cloud.stop())))

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

/** Starts a cloud in which the calls selected by `hangs` are never answered. */
async function start(hangs: (call: GateCall) => boolean, options: CloudOptions = {}): Promise<Cloud> {
	const cloud = await startCloud({
		isQueueIdle: true,
		onProblem: () => undefined,
		...options,
		proxy: gateWith((call, phase) =>
			phase === 'before' && hangs(call) ? new Promise<never>(() => undefined) : undefined,
		),
	})
	clouds.push(cloud)
	return cloud
}

const is =
	(...operations: string[]) =>
	({ operation }: GateCall): boolean =>
		operations.includes(operation)

const record = (body: unknown, receiveCount = 1) => ({
	messageId: 'm-1',
	receiptHandle: 'r-1',
	body: JSON.stringify(body),
	attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '1' },
	messageAttributes: {},
})

const handedBack: InvocationResult = { ok: true, value: { batchItemFailures: [{ itemIdentifier: 'm-1' }] } }

/** A function that exceeds its time limit is killed, and its invocation fails; these results show that it answered in time. */
describe.concurrent('the function answers within its time limit', () => {
	it('with 503 to a webhook call when topic and queue hang', async () => {
		const cloud = await start(is('PublishBatch', 'SendMessage'))
		const response = await fetch(`${cloud.webhookUrl}/exports`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(REQUEST),
		})
		expect(response.status).toBe(503)
		expect(await response.json()).toMatchObject({ code: 'PUBLISH_FAILED' })
		expect(cloud.ncp?.performed).toHaveLength(1)
	})

	it('when a rejected message can be neither copied nor hidden because the queue hangs', async () => {
		const { functions } = await start(is('SendMessage', 'ChangeMessageVisibility'), {
			functionTimeoutMs: 4_000,
		})
		expect(await functions['on-queue-message'].invoke({ Records: [record({ a: 1 })] })).toEqual(handedBack)
	})

	it('when a message cannot be sent as a new one because the queue hangs', async () => {
		// Too little time for a call, so on its last receive the message is sent as a new one.
		const { functions } = await start(is('SendMessage'), { functionTimeoutMs: 3_000 })
		expect(await functions['on-queue-message'].invoke({ Records: [record(REQUEST, 6)] })).toEqual(handedBack)
	})

	it('when the table hangs after the claim', async () => {
		let writes = 0
		const { functions, ncp } = await start(({ operation }) => operation === 'PutItem' && ++writes > 1)
		expect(await functions['on-queue-message'].invoke({ Records: [record(REQUEST)] })).toEqual(handedBack)
		expect(ncp?.performed).toHaveLength(1)
	})

	it('with 503 to a lookup when the table hangs', async () => {
		const { webhookUrl } = await start(is('Query'), { functionTimeoutMs: 3_000 })
		const response = await fetch(`${webhookUrl}/exports/01JD0000000000000000000000`)
		expect(response.status).toBe(503)
	})

	it('when an arrival check cannot record a completion because the table hangs', async () => {
		let publishes = 0
		let records = 0
		const hangs = ({ operation, body }: GateCall): boolean => {
			const isRecord = operation === 'UpdateItem' && body.includes('"completion#')
			if (isRecord) records++
			// The topic answers the third attempt, when most of the time is used up.
			return isRecord || (operation === 'PublishBatch' && [2, 3].includes(++publishes))
		}
		const lines: string[] = []
		const cloud = await start(hangs, {
			arrivalDeadlineMinutes: 120,
			functionTimeoutMs: 9_000,
			simulator: { copyDelayMs: 0 },
			onLine: (line) => lines.push(line),
		})
		// Started before, so that a slow start of its process does not use up the time for the call.
		await cloud.functions['on-queue-message'].invoke({ Records: [] })
		await cloud.functions['on-queue-message'].invoke({ Records: [record(REQUEST)] })
		const [item] = await readExports(cloud.table)
		const check = { exportKey: item?.exportKey, exportId: item?.exportId, check: 0 }
		// Acknowledged: with the message handed back, the outcome would be published again.
		expect(await cloud.arrivalFunction?.invoke({ Records: [record(check)] })).toEqual({
			ok: true,
			value: { batchItemFailures: [] },
		})
		expect(records).toBeGreaterThan(0)
		await cloud.quiesce()
		expect(publishes).toBe(4)
		const { sqs } = cloud.aws
		const outcomes = await takeOutcomes(sqs, cloud.outcomeQueue.url, 2)
		expect(outcomes.map(({ data }) => data.state)).toEqual(['accepted', 'completed'])
		const { Messages = [] } = await sqs.send(
			new ReceiveMessageCommand({ QueueUrl: cloud.outcomeQueue.url, WaitTimeSeconds: 1 }),
		)
		expect(Messages).toEqual([])
		const warning = lines.find((line) => line.includes('completion not recorded'))
		expect(JSON.parse(warning ?? '{}')).toMatchObject({
			level: 'WARN',
			exportId: item?.exportId,
			code: 'LEDGER_UNAVAILABLE',
			reason: expect.stringContaining('no answer to dynamodb UpdateItem on exports'),
		})
	})

	it('when the table hangs while the freshness report reads it', async () => {
		const { arrivalFunction } = await start(is('GetItem'), {
			arrivalDeadlineMinutes: 120,
			functionTimeoutMs: 3_000,
		})
		expect(await arrivalFunction?.invoke({ source: 'aws.events' })).toMatchObject({
			ok: false,
			errorType: 'ExportRetryable',
		})
	})
})
