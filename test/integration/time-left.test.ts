import { afterAll, describe, expect, it } from 'vitest'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import type { InvocationResult } from '../../tools/local/function-process.ts'
import type { GateCall } from '../gate.ts'
import { gateWith } from '../gate.ts'
import { readItems } from './table.ts'

const clouds: Cloud[] = []
afterAll(() => Promise.all(clouds.map((cloud) => cloud.stop())))

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

/** A cloud in which these calls are never answered. */
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

/** A function that outlives its time is killed, and all that it had taken comes again: the result would say so. */
describe.concurrent('every wait fits into the time that is left', () => {
	it('of a webhook call with a topic and a queue that hang: it answers that it must be sent again', async () => {
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

	it('of the copy of a rejected message, and of putting it off, with a queue that hangs', async () => {
		const { functions } = await start(is('SendMessage', 'ChangeMessageVisibility'), {
			functionTimeoutMs: 4_000,
		})
		expect(await functions['on-queue-message'].invoke({ Records: [record({ a: 1 })] })).toEqual(handedBack)
	})

	it('of sending a message anew, with a queue that hangs', async () => {
		// Too little time for a call: on its last receive the message is sent anew.
		const { functions } = await start(is('SendMessage'), { functionTimeoutMs: 3_000 })
		expect(await functions['on-queue-message'].invoke({ Records: [record(REQUEST, 6)] })).toEqual(handedBack)
	})

	it('of settling, with a table that hangs after the claim', async () => {
		let writes = 0
		const { functions, ncp } = await start(({ operation }) => operation === 'PutItem' && ++writes > 1)
		expect(await functions['on-queue-message'].invoke({ Records: [record(REQUEST)] })).toEqual(handedBack)
		expect(ncp?.performed).toHaveLength(1)
	})

	it('of a look-up by a caller, with a table that hangs', async () => {
		const { webhookUrl } = await start(is('Query'), { functionTimeoutMs: 3_000 })
		const response = await fetch(`${webhookUrl}/exports/01JD0000000000000000000000`)
		expect(response.status).toBe(503)
	})

	it('of the completion record of an arrival check', async () => {
		let publishes = 0
		const hangs = ({ operation, body }: GateCall): boolean =>
			// The topic answers a third try, and most of the time is used up by then.
			(operation === 'PublishBatch' && [2, 3].includes(++publishes)) ||
			(operation === 'UpdateItem' && body.includes('"completions"'))
		const cloud = await start(hangs, {
			arrivalDeadlineMinutes: 120,
			functionTimeoutMs: 9_000,
			simulator: { copyDelayMs: 0 },
		})
		await cloud.functions['on-queue-message'].invoke({ Records: [record(REQUEST)] })
		const [item] = await readItems(cloud.table)
		const check = { exportKey: item?.exportKey, exportId: item?.exportId, check: 0 }
		expect(await cloud.arrivalFunction?.invoke({ Records: [record(check)] })).toEqual(handedBack)
	})

	it('of reading when each instance’s last export arrived', async () => {
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
