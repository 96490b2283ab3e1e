import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createArrivalQueue, parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'
import type { CallAws } from '../../lib/aws/call-aws.ts'
import { startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { callLocal } from '../call-local.ts'

const CHECK = { exportKey: 'k', exportId: 'e', check: 0 }

describe('a 200 that is not from AWS', () => {
	it.each(['', '[]', '1', 'null', '<html>hello</html>', '{}'])(
		'is no check in the arrival queue: %j',
		async (body) => {
			const schedule = createArrivalQueue(async () => body, 'http://q')
			await expect(schedule(CHECK, 0)).rejects.toMatchObject({
				code: 'SCHEDULE_FAILED',
				cause: { name: expect.stringMatching(/^No/) },
			})
		},
	)
})

it('says which queue it was when the queue does not answer', async () => {
	const down = new Error('down')
	const schedule = createArrivalQueue(() => Promise.reject(down), 'http://q')
	await expect(schedule(CHECK, 0)).rejects.toMatchObject({ code: 'SCHEDULE_FAILED', cause: down })
})

it('schedules an arrival check with the given delay', async () => {
	const aws = await startEmbeddedAws()
	onTestFinished(aws.stop)
	const { url } = await aws.createQueue('checks')
	const receive = async (waitSeconds: number) => {
		const command = new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: waitSeconds })
		return (await aws.sqs.send(command)).Messages?.[0]
	}
	await createArrivalQueue(callLocal('sqs', aws.endpoint, aws.region), url)(CHECK, 1)
	expect(await receive(0)).toBeUndefined()
	expect((await receive(5))?.Body).toBe(JSON.stringify(CHECK))
})

describe('checks that are ready in one turn', () => {
	/** Answers every batch with these results for its entries, and records the calls. */
	function createQueue(answerTo: (ids: readonly string[]) => object) {
		const calls: { action: string; bodies: string[] }[] = []
		const call: CallAws = async (headers, body) => {
			const { Entries, MessageBody } = JSON.parse(body)
			const action = headers['x-amz-target'] ?? ''
			const entries: { Id: string; MessageBody: string }[] = Entries ?? [{ Id: '0', MessageBody }]
			calls.push({ action, bodies: entries.map((entry) => entry.MessageBody) })
			return JSON.stringify(answerTo(entries.map(({ Id }) => Id)))
		}
		return { calls, schedule: createArrivalQueue(call, 'http://q') }
	}
	const toCheck = (check: number) => ({ ...CHECK, check })
	const sent = (ids: readonly string[]) => ({ Successful: ids.map((Id) => ({ Id, MessageId: 'm' })) })

	it('go out as batches of at most ten, each with its own delay', async () => {
		const { calls, schedule } = createQueue((ids) => ({ ...sent(ids), MessageId: 'm' }))
		await Promise.all(Array.from({ length: 11 }, (_, index) => schedule(toCheck(index), index)))
		expect(calls.map(({ action, bodies }) => [action, bodies.length])).toEqual([
			['AmazonSQS.SendMessageBatch', 10],
			['AmazonSQS.SendMessage', 1],
		])
		const bodies = calls.flatMap((each) => each.bodies)
		expect(bodies).toEqual(Array.from({ length: 11 }, (_, index) => JSON.stringify(toCheck(index))))
	})

	it('fail each on its own, with the code of SQS or because it did not mention them', async () => {
		const { schedule } = createQueue(() => ({
			Successful: [{ Id: '0', MessageId: 'm' }, { Id: '7' }],
			Failed: [{ Id: '1', Code: 'InternalError', SenderFault: false }],
		}))
		const results = await Promise.allSettled([0, 1, 2].map((check) => schedule(toCheck(check), 0)))
		expect(results).toMatchObject([
			{ status: 'fulfilled' },
			{ status: 'rejected', reason: { code: 'SCHEDULE_FAILED', cause: { name: 'InternalError' } } },
			{ status: 'rejected', reason: { code: 'SCHEDULE_FAILED', cause: { name: 'NoMessageId' } } },
		])
	})

	it('are all in the queue', async () => {
		const aws = await startEmbeddedAws()
		onTestFinished(aws.stop)
		const { url } = await aws.createQueue('checks')
		const schedule = createArrivalQueue(callLocal('sqs', aws.endpoint, aws.region), url)
		await Promise.all([schedule(toCheck(1), 0), schedule(toCheck(2), 0), schedule(toCheck(3), 900)])
		const command = new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 })
		const { Messages = [] } = await aws.sqs.send(command)
		expect(Messages.map(({ Body = '' }) => JSON.parse(Body).check).sort()).toEqual([1, 2])
	})
})

it('parses its own messages and no others', () => {
	const check = { exportKey: 'k', exportId: 'e', check: 3 }
	for (const sent of [check, { ...check, isRepeated: true }])
		expect(parseArrivalCheck(JSON.stringify(sent))).toEqual(sent)
	for (const body of [
		'',
		'[]',
		'{}',
		'{"exportKey":"k","exportId":"e","check":"3"}',
		'{"exportKey":"k","check":3}',
	]) {
		expect(parseArrivalCheck(body)).toBeNull()
	}
})
