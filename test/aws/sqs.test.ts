import { createServer } from 'node:http'
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRequestQueue } from '../../lib/aws/sqs.ts'
import { RequestInvalid } from '../../lib/errors.ts'
import type { Marks, RequestQueue } from '../../lib/ports.ts'
import { type EmbeddedAws, type Queue, startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { left } from '../fakes.ts'

let aws: EmbeddedAws
let requests: Queue
let dead: Queue
let queue: RequestQueue
beforeAll(async () => {
	aws = await startEmbeddedAws()
	requests = await aws.createQueue('requests', { VisibilityTimeout: '600' })
	dead = await aws.createQueue('dead')
	const urls = { requestQueueUrl: requests.url, deadLetterQueueUrl: dead.url }
	queue = createRequestQueue(aws.sqs, urls, left(5_000))
})
afterAll(() => aws.stop())

const PLAIN: Marks = {
	traceparent: undefined,
	isRedriven: false,
	coveragePolicy: undefined,
	trigger: { kind: 'queue', id: 'm-1' },
}

const receive = async ({ url }: Queue, waitSeconds = 5) => {
	const command = new ReceiveMessageCommand({
		QueueUrl: url,
		WaitTimeSeconds: waitSeconds,
		MessageAttributeNames: ['All'],
	})
	return (await aws.sqs.send(command)).Messages?.[0]
}

it('sends a request with its trace context, and hides a message for the given time', async () => {
	await queue.send('{"a":1}', { ...PLAIN, traceparent: '00-trace' })
	const first = await receive(requests)
	expect(first).toMatchObject({
		Body: '{"a":1}',
		MessageAttributes: { traceparent: { StringValue: '00-trace' } },
	})
	await queue.hide(first?.ReceiptHandle ?? '', 1)
	expect((await receive(requests))?.MessageId).toBe(first?.MessageId)
})

it('sends a request without a trace context', async () => {
	await queue.send('{"b":1}', PLAIN)
	expect((await receive(requests))?.MessageAttributes).toBeUndefined()
})

it('keeps the mark of a redriven message', async () => {
	await queue.send('{"c":1}', { ...PLAIN, isRedriven: true })
	expect((await receive(requests))?.MessageAttributes).toMatchObject({ redrivenFrom: { StringValue: 'm-1' } })
})

it('ignores an unknown receipt handle', async () => {
	expect(await queue.hide('nonsense', 1)).toBeNull()
})

it('does not wait for a queue that does not answer', async () => {
	const silent = createServer(() => undefined)
	const requestQueueUrl = `${await listen(silent)}/q`
	const client = new SQSClient({
		region: aws.region,
		endpoint: requestQueueUrl,
		credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
	})
	const startedMs = performance.now()
	const silentQueue = createRequestQueue(
		client,
		{ requestQueueUrl, deadLetterQueueUrl: requestQueueUrl },
		left(50),
	)
	expect(await silentQueue.hide('r', 1)).toMatchObject({ code: 'QUEUE_UNAVAILABLE' })
	await expect(silentQueue.send('{}', PLAIN)).rejects.toMatchObject({
		code: 'QUEUE_UNAVAILABLE',
		aws: { code: 'TimeoutError', service: 'sqs', action: 'SendMessage' },
	})
	await expect(silentQueue.deadLetter('{}', PLAIN, new RequestInvalid([]))).rejects.toMatchObject({
		code: 'QUEUE_UNAVAILABLE',
		aws: { code: 'TimeoutError', service: 'sqs', action: 'SendMessage' },
	})
	// The SDK's own time limits are seconds long.
	expect(performance.now() - startedMs).toBeLessThan(1_000)
	await close(silent)
})

it('copies a message with the reason, in characters that SQS accepts', async () => {
	const error = new RequestInvalid([{ field: 'a\u0001\uFFFF가', detail: 'is unknown' }])
	await queue.deadLetter(
		'{"a":1}',
		{ ...PLAIN, traceparent: '00-trace', trigger: { kind: 'queue', id: 'm-1' } },
		error,
	)
	const message = await receive(dead)
	expect(message?.Body).toBe('{"a":1}')
	expect(message?.MessageAttributes).toMatchObject({
		errorCode: { StringValue: 'REQUEST_INVALID' },
		errorMessage: { StringValue: 'a??가 is unknown' },
		originalMessageId: { StringValue: 'm-1' },
	})
})
