import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bundlePath, type Cloud, LOCAL_KEYS, startCloud } from '../../tools/local/cloud.ts'
import { createFunction, type LocalFunction } from '../../tools/local/function-process.ts'
import type { LocalConnection } from '../../tools/ops/connection.ts'
import { denial, type Gate, startGate } from '../gate.ts'
import { toBatch } from '../lambda-events.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'
import { runCommand } from './command.ts'

let cloud: Cloud
let secrets: EmbeddedSecrets
let denied: Gate
let folder: string
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'faults-'))
	cloud = await startCloud({ isQueueIdle: true, arrivalDeadlineMinutes: 120 })
	secrets = await startEmbeddedSecrets()
	secrets.put('malformed', '{"accessKey":"A"}')
	// Object Storage that denies everything.
	denied = await startGate(cloud.aws.endpoint, (call) => {
		throw denial(call)
	})
})
afterAll(async () => {
	await denied.stop()
	await secrets.stop()
	await cloud.stop()
	await rm(folder, { recursive: true })
})
const functions: LocalFunction[] = []
afterEach(async () => {
	for (const fn of functions.splice(0)) await fn.stop()
})

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const NOWHERE = 'https://ncp.invalid'

/** The first line about something unfinished, of a function in a changed environment. */
async function firstLine(
	env: Record<string, string>,
	body: unknown = REQUEST,
): Promise<Record<string, unknown>> {
	const lines: string[] = []
	const fn = createFunction({
		name: 'on-queue-message',
		bundle: bundlePath('on-queue-message'),
		env: { ...cloud.env, ...env },
		timeoutMs: 10_000,
		onLine: (line) => lines.push(line),
	})
	functions.push(fn)
	const text = JSON.stringify(body)
	await fn.invoke(toBatch(cloud.requestQueue.arn, [text]))
	await fn.stop()
	return JSON.parse(lines.find((line) => /not finished|export refused/.test(line)) ?? '{}')
}

/** What doctor says of a connection with these changes. */
async function diagnose(changes: Partial<LocalConnection>, bucket = 'my-bucket'): Promise<string> {
	const file = join(folder, 'cloud.json')
	await writeFile(file, JSON.stringify({ ...cloud.connection, ...changes }))
	const env = { LOCAL_CLOUD_FILE: file, NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '' }
	const { output } = await runCommand('tools/ops/main.ts', ['doctor', '--bucket', bucket], { env })
	return output
}

const gone = (name: string) => `${name}-gone`

interface Fault {
	name: string
	/** For the function; left out, it cannot show in a request's log. */
	env?: () => Record<string, string>
	body?: unknown
	line?: object
	/** For doctor; left out, only a deployed stage has it. */
	connection?: () => Partial<LocalConnection>
	says?: RegExp
}

const FAULTS: Fault[] = [
	{
		name: 'a wrong key',
		env: () => ({ NCP_SECRET_KEY: 'another-secret-key' }),
		line: { code: 'NCP_CREDENTIALS', reason: expect.stringContaining('NCP does not accept the key pair') },
		connection: () => ({ ncpKeys: { ...LOCAL_KEYS, secretKey: 'another-secret-key' } }),
		says: /FAILED {3}NCP: NCP does not accept the key pair: the access key, the secret key or the clock is wrong/,
	},
	{
		name: 'a wrong region of NCP',
		env: () => ({ NCP_REGION_CODE: 'US' }),
		body: { ...REQUEST, folderPath: 'region' },
		line: {
			code: 'NCP_REFUSED',
			regionCode: 'US',
			reason: expect.stringContaining('The instance does not exist'),
		},
	},
	{
		name: 'the topic is gone',
		env: () => ({ RESULT_TOPIC_ARN: gone(cloud.connection.resultTopicArn) }),
		body: { ...REQUEST, fileName: '20210529' },
		line: { step: 'publish', aws: { service: 'sns', resource: expect.stringContaining('-gone') } },
		connection: () => ({ resultTopicArn: gone(cloud.connection.resultTopicArn) }),
		says: /FAILED {3}topic of outcomes: the topic .*-gone does not exist/,
	},
	{
		name: 'the table is gone',
		env: () => ({ EXPORTS_TABLE_NAME: 'exports-gone' }),
		line: {
			level: 'ERROR',
			step: 'claim',
			aws: { service: 'dynamodb', resource: 'exports-gone', code: 'ResourceNotFoundException' },
		},
		connection: () => ({ exportsTableName: 'exports-gone' }),
		says: /FAILED {3}table of exports: the table exports-gone does not exist/,
	},
	{
		name: 'AWS denies the table',
		env: () => ({ AWS_ENDPOINT_URL_DYNAMODB: denied.url }),
		line: {
			level: 'ERROR',
			aws: {
				service: 'dynamodb',
				code: 'AccessDeniedException',
				message: expect.stringContaining('not authorized'),
			},
		},
		connection: () => ({ tableEndpoint: denied.url }),
		says: /FAILED {3}table of exports: the table exports denied access: the AWS credentials lack a permission/,
	},
	{
		name: 'the arrival queue is gone',
		env: () => ({ ARRIVAL_QUEUE_URL: gone(cloud.arrivalQueue.url) }),
		body: { ...REQUEST, fileName: '20210530' },
		line: {
			code: 'SCHEDULE_FAILED',
			step: 'schedule',
			aws: { service: 'sqs', resource: 'export-arrivals-gone' },
		},
		connection: () => ({ arrivalQueueUrl: gone(cloud.arrivalQueue.url) }),
		says: /FAILED {3}arrival queue: the queue export-arrivals-gone does not exist/,
	},
	{
		name: 'the dead-letter queue is gone',
		env: () => ({ DEAD_LETTER_QUEUE_URL: gone(cloud.deadLetterQueue.url) }),
		body: { a: 1 },
		line: { code: 'QUEUE_UNAVAILABLE', aws: { service: 'sqs', resource: 'export-requests-dead-gone' } },
		connection: () => ({ deadLetterQueueUrl: gone(cloud.deadLetterQueue.url) }),
		says: /FAILED {3}dead letters of requests: the queue export-requests-dead-gone does not exist/,
	},
	{
		name: 'the secret is malformed',
		env: () => ({
			...{ NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '', CREDENTIALS_SECRET_ID: 'malformed' },
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
		}),
		body: { ...REQUEST, folderPath: 'secret' },
		line: {
			code: 'SECRET_UNREADABLE',
			reason: expect.stringContaining('the secret malformed must be { "accessKey", "secretKey"'),
		},
	},
	{
		name: 'the secret is gone',
		env: () => ({
			...{ NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '', CREDENTIALS_SECRET_ID: 'gone' },
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
		}),
		body: { ...REQUEST, folderPath: 'gone' },
		line: {
			level: 'ERROR',
			code: 'SECRET_UNREADABLE',
			aws: { service: 'secretsmanager', resource: 'gone', code: 'ResourceNotFoundException' },
		},
	},
	{
		name: 'the bucket is denied',
		connection: () => ({ objectStorageUrl: denied.url }),
		says: /FAILED {3}bucket my-bucket: the key pair may not list my-bucket/,
	},
	{
		name: 'NCP’s host is unknown',
		env: () => ({ NCP_API_URL: NOWHERE, NCP_TIMEOUT_MS: '2000' }),
		body: { ...REQUEST, folderPath: 'host' },
		line: {
			code: 'NCP_LATER',
			reason: expect.stringContaining('nothing was sent ('),
		},
		connection: () => ({ ncpApiUrl: NOWHERE }),
		says: /FAILED {3}NCP: https:\/\/ncp\.invalid cannot be reached/,
	},
	{
		name: 'the bucket is in another zone or does not exist',
		connection: () => ({}),
		says: /FAILED {3}bucket no-bucket: there is no bucket no-bucket in .*: wrong name or wrong zone/,
	},
]

async function sections(): Promise<string[]> {
	const text = await readFile(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
	return [...text.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title)
}

describe('a planted fault is named by its first log line', () => {
	it.each(FAULTS.filter(({ env }) => env !== undefined))('$name', async ({ env, body, line }) => {
		const first = await firstLine(env?.() ?? {}, body)
		expect(first).toMatchObject(line ?? {})
		// The remedy.
		expect(await sections()).toContain(String(first.runbook).replace('docs/runbook.md#', ''))
	})
})

describe('a planted fault is named by doctor, with the remedy', () => {
	it.each(FAULTS.filter(({ connection }) => connection !== undefined))(
		'$name',
		async ({ name, connection, says }) => {
			const bucket = name.startsWith('the bucket is in') ? 'no-bucket' : 'my-bucket'
			expect(await diagnose(connection?.() ?? {}, bucket)).toMatch(says ?? /^$/)
		},
	)
})
