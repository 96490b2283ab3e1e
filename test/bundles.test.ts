import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundlePath, type Cloud, LOCAL_KEYS, startCloud } from '../local/cloud.ts'
import { createFunction } from '../local/function-process.ts'

let cloud: Cloud
let folder: string
beforeAll(async () => {
	cloud = await startCloud()
	folder = await mkdtemp(join(tmpdir(), 'bundle-'))
})
afterAll(async () => {
	await cloud.stop()
	await rm(folder, { recursive: true })
})

const NAMES = ['on-queue-message', 'on-http-request', 'on-pipeline-event', 'on-arrival-check']

describe('the bundles', () => {
	it.each(NAMES)('%s holds the pool of undici and nothing of its fetch, WebSocket or mocks', async (name) => {
		const code = await readFile(bundlePath(name), 'utf8')
		expect(code).toContain('UND_ERR_CONNECT_TIMEOUT')
		expect(code).not.toMatch(/MockNotMatchedError|WebSocketStream|CacheStorage/)
	})

	it('runs alone in an empty folder, with only environment variables', async () => {
		const bundle = join(folder, 'on-queue-message.cjs')
		await copyFile(bundlePath('on-queue-message'), bundle)
		const topicArn = await cloud.aws.createTopic('alone')
		const queue = await cloud.aws.createQueue('alone')
		await cloud.aws.subscribe(topicArn, queue)
		const fn = createFunction({
			name: 'alone',
			bundle,
			timeoutMs: 10_000,
			env: {
				...cloud.aws.env,
				NCP_API_URL: cloud.ncp?.url ?? '',
				NCP_ACCESS_KEY: LOCAL_KEYS.accessKey,
				NCP_SECRET_KEY: LOCAL_KEYS.secretKey,
				RESULT_TOPIC_ARN: topicArn,
				AWS_ENDPOINT_URL_DYNAMODB: cloud.table.endpoint,
				EXPORTS_TABLE_NAME: cloud.table.tableName,
				REQUEST_QUEUE_URL: cloud.requestQueue.url,
				DEAD_LETTER_QUEUE_URL: cloud.deadLetterQueue.url,
			},
		})
		const body = JSON.stringify({
			cloudPostgresqlInstanceNo: '1234925',
			fileName: '20210528',
			bucketName: 'my-bucket',
		})
		const result = await fn.invoke({
			Records: [{ messageId: 'm-1', body, attributes: {}, messageAttributes: {} }],
		})
		await fn.stop()
		expect(result).toEqual({ ok: true, value: { batchItemFailures: [] } })
		const { Messages = [] } = await cloud.aws.sqs.send(
			new ReceiveMessageCommand({ QueueUrl: queue.url, WaitTimeSeconds: 5 }),
		)
		expect(Messages.map(({ Body }) => JSON.parse(Body ?? '').data.state)).toEqual(['accepted'])
	})

	it('says at start-up, by name, what is not configured', async () => {
		const fn = createFunction({
			name: 'bare',
			bundle: bundlePath('on-http-request'),
			timeoutMs: 10_000,
			env: {},
		})
		const result = await fn.invoke({})
		await fn.stop()
		expect(result).toMatchObject({
			ok: false,
			errorMessage: expect.stringContaining('RESULT_TOPIC_ARN is not set'),
		})
		expect(result).toMatchObject({ errorMessage: expect.stringContaining('WEBHOOK_SECRETS is not set') })
	})
})
