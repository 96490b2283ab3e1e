import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createArrivalQueue, parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'
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

it('parses its own messages and no others', () => {
	const check = { exportKey: 'k', exportId: 'e', check: 3 }
	expect(parseArrivalCheck(JSON.stringify(check))).toEqual(check)
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
