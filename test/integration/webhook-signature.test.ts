import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../local/cloud.ts'

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

/** The example in one language, word for word as it stands on the page. */
async function exampleOf(language: string): Promise<string> {
	const page = await readFile(PAGE, 'utf8')
	return page.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? ''
}

const env = (secret = SECRET) => ({ ...process.env, WEBHOOK_URL: cloud.webhookUrl, WEBHOOK_SECRET: secret })

describe('the examples of signing a call', () => {
	it('is understood from curl and openssl', async () => {
		const { stdout } = await run('bash', ['-c', await exampleOf('sh')], { env: env() })
		expect(JSON.parse(stdout)).toMatchObject({ data: { state: 'accepted', trigger: { kind: 'webhook' } } })
	})

	it('is refused from curl with another secret', async () => {
		const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`
		const { stdout } = await run('bash', ['-c', await exampleOf('sh')], { env: env(other) })
		expect(JSON.parse(stdout)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
	})

	it('is understood from TypeScript', async () => {
		const script = join(folder, 'example.ts')
		await writeFile(script, await exampleOf('ts'))
		const { stdout } = await run(process.execPath, [script], { env: env() })
		expect(stdout).toMatch(/^202 \{/)
	})
})
