import { createServer } from 'node:http'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { createPublishBatch } from '../../lib/aws/sns.ts'
import { createPublish, createTopic } from '../../lib/aws/topic.ts'
import { type OutcomeEvent, serializeEvent } from '../../lib/outcome/outcome.ts'
import { startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { close, listen, readAll } from '../../tools/local/listen.ts'
import { callLocal } from '../call-local.ts'
import { acceptedEvent } from '../events.ts'
import { left } from '../fakes.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const toTopic = (endpoint: string, topicArn: string, deadline = left(9_000)) =>
	createPublish(
		createTopic(createPublishBatch(callLocal('sns', endpoint, 'ap-northeast-2'), topicArn), deadline),
	)

async function startEmbedded() {
	const aws = await startEmbeddedAws()
	cleanups.push(aws.stop)
	const queue = await aws.createQueue('outcomes')
	const topicArn = await aws.createTopic('outcomes')
	await aws.subscribe(topicArn, queue)
	const receive = async () => {
		const { Messages = [] } = await aws.sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: queue.url,
				MaxNumberOfMessages: 10,
				MessageAttributeNames: ['All'],
			}),
		)
		return Messages
	}
	return { aws, receive, publish: toTopic(aws.endpoint, topicArn) }
}

/** A fake SNS with planned failures: by event id, one code per attempt; '' lets the entry pass. */
async function startScriptedSns(script: Record<string, string[]>) {
	const batches: string[][] = []
	const server = createServer(async (request, response) => {
		const form = new URLSearchParams((await readAll(request, 1_000_000)).toString())
		const entries = [...form.keys()].filter((name) => name.endsWith('.Message'))
		const ids = entries.map((name) => (JSON.parse(form.get(name) ?? '') as OutcomeEvent).id)
		batches.push(ids)
		const answers = entries.map((name, index) => {
			const id = form.get(name.replace('.Message', '.Id'))
			const code = script[ids[index] ?? '']?.shift() ?? ''
			return code === ''
				? { ok: `<member><Id>${id}</Id><MessageId>m</MessageId></member>`, failed: '' }
				: {
						ok: '',
						failed: `<member><Id>${id}</Id><Code>${code}</Code><SenderFault>false</SenderFault></member>`,
					}
		})
		response
			.writeHead(200, { 'content-type': 'text/xml' })
			.end(
				`<PublishBatchResponse><PublishBatchResult><Successful>${answers.map(({ ok }) => ok).join('')}</Successful><Failed>${answers.map(({ failed }) => failed).join('')}</Failed></PublishBatchResult></PublishBatchResponse>`,
			)
	})
	const url = await listen(server)
	cleanups.push(() => close(server))
	return { url, batches, publish: toTopic(url, 'arn:aws:sns:ap-northeast-2:000000000000:t') }
}

describe('createTopic', () => {
	it('delivers the event as the whole message, with at most ten attributes to filter by', async () => {
		const { publish, receive } = await startEmbedded()
		const event = { ...acceptedEvent('a'), traceparent: '00-trace' }
		await publish(event)
		const [message] = await receive()
		expect(message?.Body).toBe(serializeEvent(event))
		expect(
			Object.fromEntries(
				Object.entries(message?.MessageAttributes ?? {}).map(([name, { StringValue }]) => [
					name,
					StringValue,
				]),
			),
		).toEqual({
			state: 'accepted',
			type: 'ncp.backup.export.accepted.v1',
			terminal: 'true',
			cloudPostgresqlInstanceNo: '1234925',
			bucketName: 'my-bucket',
			exportId: 'a',
			traceparent: '00-trace',
		})
	})

	it.each([
		[{ product: 'mysql' }, { cloudMysqlInstanceNo: '12' }],
		[{ product: 'mongodb' }, { cloudMongoDbInstanceNo: '12' }],
		[{ product: 'cache', chosen: { backupTypeMode: 'MANUAL' } }, { cloudCacheInstanceNo: '12' }],
	] as const)('names the instance by the field of its product: %j', async (fields, attribute) => {
		const { publish, receive } = await startEmbedded()
		await publish(acceptedEvent('a', { ...fields, instanceNo: '12' }))
		const [message] = await receive()
		const attributes = message?.MessageAttributes ?? {}
		const names = Object.keys(attributes).filter((name) => name.endsWith('InstanceNo'))
		expect(Object.fromEntries(names.map((name) => [name, attributes[name]?.StringValue]))).toEqual(attribute)
	})

	it('publishes events that are ready at the same time in batches of at most ten', async () => {
		const { publish, batches } = await startScriptedSns({})
		await Promise.all(Array.from({ length: 12 }, (_, n) => publish(acceptedEvent(`e${n}`))))
		expect(batches.map(({ length }) => length).sort()).toEqual([10, 2].sort())
	})

	it('splits a batch that is larger than 256 KiB', async () => {
		const { publish, batches } = await startScriptedSns({})
		const big = (name: string): OutcomeEvent => {
			const event = acceptedEvent(name)
			return { ...event, data: { ...event.data, original: 'x'.repeat(150 * 1024) } }
		}
		await Promise.all([publish(big('a')), publish(big('b'))])
		expect(batches).toHaveLength(2)
	})

	it('retries only the throttled entry', async () => {
		const { publish, batches } = await startScriptedSns({ 'b/accepted': ['Throttled', 'InternalError', ''] })
		await Promise.all(['a', 'b', 'c'].map((name) => publish(acceptedEvent(name))))
		expect(batches).toEqual([['a/accepted', 'b/accepted', 'c/accepted'], ['b/accepted'], ['b/accepted']])
	})

	it('gives up on an entry after three attempts without failing the others', async () => {
		const { publish, batches } = await startScriptedSns({ 'b/accepted': Array(9).fill('Throttled') })
		const results = await Promise.allSettled(['a', 'b'].map((name) => publish(acceptedEvent(name))))
		expect(results).toMatchObject([
			{ status: 'fulfilled' },
			{ reason: { code: 'PUBLISH_FAILED', retryable: true } },
		])
		expect(batches).toHaveLength(3)
	})

	it('does not retry an entry with a sender fault', async () => {
		const { publish, batches } = await startScriptedSns({ 'b/accepted': ['InvalidParameter'] })
		await expect(publish(acceptedEvent('b'))).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
			message: expect.stringContaining('InvalidParameter'),
		})
		expect(batches).toHaveLength(1)
	})

	it('fails every event of a failed call, and works again afterwards', async () => {
		const { aws, publish } = await startEmbedded()
		aws.failPublishes(1)
		const results = await Promise.allSettled([publish(acceptedEvent('a')), publish(acceptedEvent('b'))])
		expect(results).toMatchObject([
			{ reason: { code: 'PUBLISH_FAILED' } },
			{ reason: { code: 'PUBLISH_FAILED' } },
		])
		await expect(publish(acceptedEvent('a'))).resolves.toBeUndefined()
	})

	it.each([
		['no body', ''],
		['an HTML page', '<html>sign in</html>'],
		[
			'an empty result',
			'<PublishBatchResponse><PublishBatchResult></PublishBatchResult></PublishBatchResponse>',
		],
		[
			'a failure without an id',
			'<PublishBatchResponse><PublishBatchResult><Failed><member><Code>InternalError</Code></member></Failed></PublishBatchResult></PublishBatchResponse>',
		],
		[
			'a failure of an unknown id',
			'<PublishBatchResponse><PublishBatchResult><Failed><member><Id>zz</Id><Code>InternalError</Code></member></Failed></PublishBatchResult></PublishBatchResponse>',
		],
		[
			'a success of an unknown id',
			'<PublishBatchResponse><PublishBatchResult><Successful><member><Id>zz</Id></member></Successful></PublishBatchResult></PublishBatchResponse>',
		],
	])('does not count an answer with %s as a success', async (_name, body) => {
		const server = createServer((_request, response) =>
			response.writeHead(200, { 'content-type': 'text/xml' }).end(body),
		)
		const url = await listen(server)
		cleanups.push(() => close(server))
		await expect(toTopic(url, 'arn')(acceptedEvent('a'))).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
		})
	})

	it('sends nothing when no time is left, and nothing after its caller got the error', async () => {
		const { publish, batches, url } = await startScriptedSns({ 'a/accepted': Array(9).fill('Throttled') })
		await expect(toTopic(url, 'arn', left(0))(acceptedEvent('b'))).rejects.toThrow('no time was left')
		await expect(publish(acceptedEvent('a'))).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
		expect(batches).toEqual([['a/accepted'], ['a/accepted'], ['a/accepted']])
	})

	it('gives up when its time is up', async () => {
		const server = createServer(() => undefined)
		const url = await listen(server)
		cleanups.push(() => close(server))
		await expect(toTopic(url, 'arn', left(50))(acceptedEvent('a'))).rejects.toThrow('no answer within 50 ms')
	})
})
