import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildOptions, REPLACED } from '../tools/build.ts'
import { bundlePath, type Cloud, LOCAL_KEYS, startCloud } from '../tools/local/cloud.ts'
import { createFunction } from '../tools/local/function-process.ts'

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

/** fetch, WebSocket, mocks, caches, HTTP/2, the second HTTP parser, the credential provider chain, and other XML parsers. */
const FORBIDDEN =
	/undici\/(index|lib\/(mock|cache|handler\/(cache|retry)|interceptor|milo|websocket|web\/(websocket|eventsource|cache|cookies|fetch\/(index|request|response|headers)))\b|lib\/dispatcher\/(client-h2|parser-h1|agent|env-http-proxy-agent|proxy-agent|retry-agent|balanced-pool))|llhttp-wasm\.js|credential-provider|nested-clients|token-providers|xml2js|node_modules\/sax|xmldom|@aws-sdk\/xml-builder\/.*nodable|axios|zod|ajv/

const NAMES = ['on-queue-message', 'on-http-request', 'on-pipeline-event', 'on-arrival-check']

describe('the bundles', () => {
	it.each(NAMES)('%s contains undici’s pool and no unwanted modules', async (name) => {
		const { metafile } = await build({ ...buildOptions, write: false, metafile: true })
		const inputs = Object.entries(metafile.outputs[`dist/functions/${name}.cjs`]?.inputs ?? {})
		const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
		// If these are missing, the replacements in tools/build.ts replaced nothing.
		expect(used).toContainEqual(expect.stringMatching(/undici\/lib\/dispatcher\/pool\.js$/))
		expect(used).toContainEqual(expect.stringMatching(/undici\/lib\/llhttp\/llhttp_simd-wasm\.js$/))
		const isReplaced = (path: string): boolean => path.startsWith('in-place-of-')
		expect(inputs.filter(([path]) => isReplaced(path))).toHaveLength(REPLACED.length)
		for (const path of used.filter((each) => !isReplaced(each))) expect(path).not.toMatch(FORBIDDEN)
	})

	it('load what every batch needs at start-up, and the SDK’s clients on first use', async () => {
		const { metafile } = await build({ ...buildOptions, write: false, metafile: true })
		for (const name of NAMES.filter((each) => each !== 'on-arrival-check')) {
			const inputs = Object.keys(metafile.outputs[`dist/functions/${name}.cjs`]?.inputs ?? {})
			const clients = inputs.flatMap((path) => /@aws-sdk\/(client-[\w-]+)/.exec(path)?.[1] ?? [])
			expect([...new Set(clients)]).toEqual(['client-sqs'])
		}
		// Loaded on first use: no module that is loaded at start-up imports it.
		const importers = Object.entries(metafile.inputs).flatMap(([path, { imports }]) =>
			imports.filter((each) => each.path === 'lib/wiring/wire-queue.ts').map(({ kind }) => `${path} ${kind}`),
		)
		expect(importers).toEqual(['lib/wiring/wire.ts dynamic-import'])
		const clientImporters = Object.entries(metafile.inputs)
			.filter(
				([path, { imports }]) =>
					path.startsWith('lib/') && imports.some((each) => /client-sqs/.test(each.path)),
			)
			.map(([path]) => path)
		expect(clientImporters.sort()).toEqual(['lib/aws/sqs.ts', 'lib/wiring/wire-queue.ts'])
	})

	it('stay within their budget of 600 KB, except the one with the S3 client', async () => {
		const sizes = await Promise.all(
			NAMES.map(async (name) => [name, (await stat(bundlePath(name))).size / 1024]),
		)
		expect(Object.fromEntries(sizes)).toEqual({
			'on-queue-message': expect.toSatisfy((kib: number) => kib <= 600),
			'on-http-request': expect.toSatisfy((kib: number) => kib <= 600),
			'on-pipeline-event': expect.toSatisfy((kib: number) => kib <= 600),
			'on-arrival-check': expect.toSatisfy((kib: number) => kib <= 760),
		})
	})

	it('runs in an empty folder, with only environment variables', async () => {
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

	it('names the missing variables at start-up', async () => {
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
