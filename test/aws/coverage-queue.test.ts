import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CallAws } from '../../lib/aws/call-aws.ts'
import { createCoverageQueue } from '../../lib/aws/coverage-queue.ts'
import { AwsError } from '../../lib/aws-error.ts'
import { startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { callLocal } from '../call-local.ts'

async function startQueue() {
	const aws = await startEmbeddedAws()
	onTestFinished(aws.stop)
	const { url } = await aws.createQueue('coverage', { VisibilityTimeout: '600' })
	const receive = async (waitSeconds = 0) => {
		const command = new ReceiveMessageCommand({
			QueueUrl: url,
			MaxNumberOfMessages: 10,
			WaitTimeSeconds: waitSeconds,
		})
		return (await aws.sqs.send(command)).Messages ?? []
	}
	return { queue: createCoverageQueue(callLocal('sqs', aws.endpoint, aws.region), url), receive }
}

it('sends 257 messages, ten at a time, each once', async () => {
	const { queue, receive } = await startQueue()
	const bodies = Array.from({ length: 257 }, (_, index) => `{"instanceNo":"${index}"}`)
	await queue.sendMessages(bodies)
	const received: string[] = []
	for (let batch = await receive(); batch.length > 0; batch = await receive())
		received.push(...batch.map(({ Body = '' }) => Body))
	expect(received.sort()).toEqual([...bodies].sort())
})

it('hides a message for as long as it is told to', async () => {
	const { queue, receive } = await startQueue()
	await queue.sendMessages(['a'])
	const [message] = await receive()
	expect(await queue.hide(message?.ReceiptHandle ?? '', 1)).toBeNull()
	expect(await receive()).toEqual([])
	// The visibility time-out of the queue is ten minutes.
	expect((await receive(5)).map(({ Body }) => Body)).toEqual(['a'])
})

it('sends nothing for nobody', async () => {
	const queue = createCoverageQueue(() => Promise.reject(new Error('must not be called')), 'http://q')
	await expect(queue.sendMessages([])).resolves.toBeUndefined()
})

/** SQS answers each batch with these results in turn. */
function answering(...answers: readonly object[]) {
	const asked: string[][] = []
	let calls = 0
	const call: CallAws = async (_headers, body) => {
		const { Entries } = JSON.parse(body) as { Entries: { MessageBody: string }[] }
		asked.push(Entries.map(({ MessageBody }) => MessageBody))
		return JSON.stringify(answers[calls++] ?? {})
	}
	return { asked, queue: createCoverageQueue(call, 'http://q') }
}

describe('a batch of which SQS took only a part', () => {
	const throttled = { Successful: [{ Id: '0' }], Failed: [{ Id: '1', Code: 'RequestThrottled' }] }

	it('is sent again without what was taken', async () => {
		const { asked, queue } = answering(throttled, { Successful: [{ Id: '0' }] })
		await queue.sendMessages(['a', 'b'])
		expect(asked).toEqual([['a', 'b'], ['b']])
	})

	it('fails with the code of SQS once three tries are used up', async () => {
		const again = { Failed: [{ Id: '0', Code: 'RequestThrottled' }] }
		const { asked, queue } = answering(throttled, again, again)
		await expect(queue.sendMessages(['a', 'b'])).rejects.toMatchObject({
			code: 'QUEUE_UNAVAILABLE',
			message: expect.stringContaining('RequestThrottled'),
		})
		expect(asked).toHaveLength(3)
	})

	it.each([
		[{ Failed: [{ Id: '0', Code: 'InvalidMessageContents' }] }, 'InvalidMessageContents'],
		[{}, 'NoResult'],
	])('fails at once when no repeat can help: %j', async (answer, code) => {
		const { asked, queue } = answering(answer)
		await expect(queue.sendMessages(['a'])).rejects.toMatchObject({ message: expect.stringContaining(code) })
		expect(asked).toHaveLength(1)
	})
})

it('says which queue it was when SQS refuses', async () => {
	const cause = new AwsError('AccessDenied', { service: 'sqs', action: 'SendMessageBatch', httpStatus: 403 })
	const queue = createCoverageQueue(() => Promise.reject(cause), 'http://q')
	await expect(queue.sendMessages(['a'])).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE', cause })
	expect(await queue.hide('r', 1)).toMatchObject({ code: 'QUEUE_UNAVAILABLE', cause })
})
