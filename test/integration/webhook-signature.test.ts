import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'

const run = promisify(execFile)
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
const PAGE = new URL('../../docs/webhook.md', import.meta.url)

let cloud: Cloud
let folder: string
beforeAll(async () => {
	cloud = await startCloud({ env: { WEBHOOK_AUTH: 'signature', WEBHOOK_SECRETS: SECRET } })
	folder = await mkdtemp(join(tmpdir(), 'webhook-'))
})
afterAll(async () => {
	await cloud.stop()
	await rm(folder, { recursive: true })
})

/** The example in one language, verbatim from the page. */
async function exampleOf(language: string): Promise<string> {
	const page = await readFile(PAGE, 'utf8')
	return page.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? ''
}

const env = (secret = SECRET) => ({ ...process.env, WEBHOOK_URL: cloud.webhookUrl, WEBHOOK_SECRET: secret })

describe('the documented example', () => {
	it('is accepted from curl and openssl', async () => {
		const { stdout } = await run('bash', ['-c', await exampleOf('sh')], { env: env() })
		expect(JSON.parse(stdout)).toMatchObject({ data: { state: 'accepted', trigger: { kind: 'webhook' } } })
	})

	it('is refused from curl with another secret', async () => {
		const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`
		const { stdout } = await run('bash', ['-c', await exampleOf('sh')], { env: env(other) })
		expect(JSON.parse(stdout)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
	})

	it('is accepted from TypeScript', async () => {
		const script = join(folder, 'example.ts')
		await writeFile(script, await exampleOf('ts'))
		const { stdout } = await run(process.execPath, [script], { env: env() })
		expect(stdout).toMatch(/^202 \{/)
	})
})

describe('the webhook refuses, without calling NCP,', () => {
	const REQUEST = JSON.stringify({
		cloudPostgresqlInstanceNo: '1234925',
		fileName: '20210530',
		bucketName: 'my-bucket',
	})
	const signed = (body: string, atMs = Date.now(), secret = SECRET) => ({
		'content-type': 'application/json',
		'webhook-id': 'msg_1',
		'webhook-timestamp': String(Math.floor(atMs / 1000)),
		'webhook-signature': new Webhook(secret).sign('msg_1', new Date(atMs), body),
	})
	const big = `"${'x'.repeat(256 * 1024)}"`
	const twice = `{"fileName":"a",${REQUEST.slice(1)}`
	const deep = `${'{"detail":'.repeat(40)}1${'}'.repeat(40)}`
	const proto = `{"__proto__":{"a":1},${REQUEST.slice(1)}`

	it.each([
		['no signature', REQUEST, () => ({ 'content-type': 'application/json' }), 401],
		[
			'a wrong signature',
			REQUEST,
			() => signed(REQUEST, Date.now(), `whsec_${Buffer.alloc(32, 8).toString('base64')}`),
			401,
		],
		['an old timestamp', REQUEST, () => signed(REQUEST, Date.now() - 310_000), 401],
		['a future timestamp', REQUEST, () => signed(REQUEST, Date.now() + 310_000), 401],
		['a replayed id with another body', `${REQUEST} `, () => signed(REQUEST), 401],
		['a body over 256 KiB', big, () => signed(big), 413],
		['a wrong content type', REQUEST, () => ({ ...signed(REQUEST), 'content-type': 'text/plain' }), 415],
		['a repeated field', twice, () => signed(twice), 400],
		['deep nesting', deep, () => signed(deep), 400],
		['__proto__', proto, () => signed(proto), 422],
	] as const)('%s', async (_name, body, headers, status) => {
		const calls = cloud.ncp?.calls()
		const response = await fetch(`${cloud.webhookUrl}/exports`, {
			method: 'POST',
			body,
			headers: headers() as Record<string, string>,
		})
		expect(response.status).toBe(status)
		expect(response.headers.get('content-type')).toBe('application/problem+json')
		expect(cloud.ncp?.calls()).toBe(calls)
	})
})
