import { createServer } from 'node:http'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundlePath, type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { createFunction, type InvocationResult } from '../../tools/local/function-process.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { toBatch, toSignedCall } from '../lambda-events.ts'

/** None of these may appear in any output. */
const SECRETS = {
	NCP_ACCESS_KEY: 'NCP-ACCESS-KEY-SWORDFISH',
	NCP_SECRET_KEY: 'ncp-secret-key-swordfish',
	AWS_SECRET_ACCESS_KEY: 'aws-secret-key-swordfish',
	AWS_SESSION_TOKEN: 'aws-session-token-swordfish',
	WEBHOOK_SECRETS: `whsec_${Buffer.from('webhook secret swordfish').toString('base64')}`,
}

/** By file name: replies of a gateway that quotes the whole request, in every envelope and in none. */
const ECHOES: Readonly<Record<string, [status: number, type: string, toBody: (echo: string) => string]>> = {
	accepted: [
		200,
		'application/json',
		(echo) => toJson({ returnCode: '0', returnMessage: echo, requestId: echo }),
	],
	refused: [400, 'application/json', (echo) => toJson({ returnCode: '5001017', returnMessage: echo })],
	credentials: [
		401,
		'application/json',
		(echo) => JSON.stringify({ error: { errorCode: '200', message: echo } }),
	],
	later: [429, 'application/json', (echo) => JSON.stringify({ error: { errorCode: '410', message: echo } })],
	code: [400, 'application/json', (echo) => toJson({ returnCode: echo, returnMessage: 'x' })],
	unknown: [500, 'text/html', (echo) => `<html><body>${echo}</body></html>`],
	xml: [
		400,
		'application/xml',
		(echo) =>
			`<responseError><returnCode>1</returnCode><returnMessage><![CDATA[${echo}]]></returnMessage></responseError>`,
	],
	lost: [0, '', () => ''],
}

const toJson = (fields: object): string => JSON.stringify({ exportBackupToObjectStorageResponse: fields })

let cloud: Cloud
let stopGateway: () => Promise<void>
/** All output: log lines, answers and errors of the functions. */
const seen: string[] = []
let count = 0
/** Signatures are secrets, too. */
const signatures: string[] = []

beforeAll(async () => {
	const server = createServer((request, response) => {
		let body = ''
		request.on('data', (chunk) => {
			body += chunk
		})
		request.on('end', () => {
			signatures.push(String(request.headers['x-ncp-apigw-signature-v2']))
			const [status, type, toBody] = ECHOES[new URLSearchParams(body).get('fileName') ?? ''] ?? [
				404,
				'',
				String,
			]
			if (status === 0) {
				response.destroy()
				return
			}
			// Also in a header that is logged.
			const echo = JSON.stringify(request.headers)
			response.writeHead(status, {
				'content-type': type,
				'x-ncp-trace-id': encodeURIComponent(echo).slice(0, 4_000),
			})
			response.end(toBody(echo))
		})
	})
	const apiUrl = await listen(server)
	stopGateway = () => close(server)
	cloud = await startCloud({
		ncp: { apiUrl, accessKey: SECRETS.NCP_ACCESS_KEY, secretKey: SECRETS.NCP_SECRET_KEY },
		isQueueIdle: true,
		maxBackOffSeconds: 0,
		arrivalDeadlineMinutes: 1 / 600,
		env: { ...SECRETS, WEBHOOK_AUTH: 'signature', LOG_LEVEL: 'DEBUG' },
		onLine: (line) => seen.push(line),
		onProblem: (text) => seen.push(text),
	})
})
afterAll(async () => {
	await cloud.stop()
	await stopGateway()
})

const toRequest = (fileName: string, more: object = {}) =>
	JSON.stringify({ cloudPostgresqlInstanceNo: '1', fileName, bucketName: 'my-bucket', ...more })

const keep = (result: InvocationResult | undefined): InvocationResult | undefined => {
	seen.push(JSON.stringify(result))
	return result
}

/** Invokes a function once, with a changed environment. */
async function invokeWith(name: string, env: Record<string, string>, event: unknown): Promise<void> {
	const fn = createFunction({
		name,
		bundle: bundlePath(name),
		env: { ...cloud.env, ...env },
		timeoutMs: 10_000,
		onLine: (line) => seen.push(line),
		onProblem: (text) => seen.push(text),
	})
	keep(await fn.invoke(event))
	await fn.stop()
}

const FILES = Object.keys(ECHOES)
const batch = (bodies: string[], receiveCount?: number) => toBatch('arn:q', bodies, receiveCount)

/** Every path that logs, answers or publishes. */
const PATHS: Readonly<Record<string, () => Promise<unknown>>> = {
	'every reply, by queue': async () =>
		keep(await cloud.functions['on-queue-message'].invoke(batch(FILES.map((name) => toRequest(name))))),
	'retries used up': async () =>
		keep(
			await cloud.functions['on-queue-message'].invoke(
				batch([toRequest('later', { idempotencyKey: 'k' })], 6),
			),
		),
	'a rejected message': async () =>
		keep(await cloud.functions['on-queue-message'].invoke(batch(['{"fileName":1}']))),
	'every reply, by webhook': async () => {
		for (const fileName of FILES) {
			const body = toRequest(fileName, { idempotencyKey: `webhook-${fileName}` })
			keep(await cloud.functions['on-http-request'].invoke(toSignedCall(body, SECRETS.WEBHOOK_SECRETS)))
		}
	},
	'a webhook with a wrong signature': async () => {
		const call = toSignedCall(toRequest('accepted'), SECRETS.WEBHOOK_SECRETS)
		keep(await cloud.functions['on-http-request'].invoke({ ...call, body: '{}' }))
	},
	'every reply, by event': async () => {
		for (const fileName of FILES)
			keep(
				await cloud.functions['on-pipeline-event'].invoke(
					JSON.parse(toRequest(fileName, { idempotencyKey: `event-${fileName}` })),
				),
			)
	},
	'a bucket that denies access': async () => {
		for (;;) {
			const { Messages = [] } = await cloud.aws.sqs.send(
				new ReceiveMessageCommand({ QueueUrl: cloud.arrivalQueue.url, MaxNumberOfMessages: 10 }),
			)
			if (Messages.length === 0) return
			keep(await cloud.arrivalFunction?.invoke(batch(Messages.map(({ Body = '' }) => Body))))
		}
	},
	'an unreachable gateway': () =>
		invokeWith(
			'on-queue-message',
			{ NCP_API_URL: 'http://127.0.0.1:1' },
			batch([toRequest('accepted', { idempotencyKey: 'gone' })]),
		),
	'an unreachable table': () =>
		invokeWith(
			'on-queue-message',
			{ AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
			batch([toRequest('accepted')]),
		),
	'an unreachable topic': () =>
		invokeWith(
			'on-queue-message',
			{ AWS_ENDPOINT_URL_SNS: 'http://127.0.0.1:1' },
			batch([toRequest('accepted')]),
		),
	'an incomplete configuration': () =>
		invokeWith(
			'on-queue-message',
			{ EXPORTS_TABLE_NAME: '', NCP_API_URL: 'ftp://x' },
			batch([toRequest('accepted')]),
		),
	'weak webhook secrets': () => invokeWith('on-http-request', { WEBHOOK_SECRETS: 'whsec_swordfish' }, {}),
	'a secret that cannot be read': () =>
		invokeWith(
			'on-http-request',
			{
				CREDENTIALS_SECRET_ID: 'gone',
				WEBHOOK_SECRETS: '',
				AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1',
			},
			toSignedCall(toRequest('accepted'), SECRETS.WEBHOOK_SECRETS),
		),
}

/** Takes the outcomes published so far. */
async function drain(): Promise<string[]> {
	const published: string[] = []
	for (;;) {
		const { Messages = [] } = await cloud.aws.sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: cloud.outcomeQueue.url,
				MaxNumberOfMessages: 10,
				MessageAttributeNames: ['All'],
			}),
		)
		if (Messages.length === 0) break
		published.push(JSON.stringify(Messages))
	}
	count += published.length
	return published
}

it.each(Object.keys(PATHS))('reveals no key, secret or signature: %s', async (name) => {
	const from = seen.length
	await PATHS[name]?.()
	const said = [...seen.slice(from), ...(await drain())].join('\n')
	// There was output, so the path was taken.
	expect(said.length).toBeGreaterThan(100)
	expectNoSecrets(said)
})

it('has signed, logged and published enough for the test to be meaningful', () => {
	expect(signatures.length).toBeGreaterThan(20)
	expect(seen.join('\n')).toMatch(
		/export accepted|export refused|export unknown|export exhausted|export rejected/,
	)
	// The quoted request is in the output, with its secrets masked.
	expect(seen.join('\n')).toContain('***')
	expectNoSecrets(seen.join('\n'))
	expect(count).toBeGreaterThan(3)
})

function expectNoSecrets(text: string): void {
	const forms = [...Object.values(SECRETS), ...signatures, 'swordfish'].flatMap((secret) => [
		secret,
		encodeURIComponent(secret),
		Buffer.from(secret).toString('base64'),
	])
	for (const form of forms) expect(text).not.toContain(form)
}
