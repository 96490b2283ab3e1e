import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOCAL_KEYS } from '../../tools/local/cloud.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { startNcpSimulator } from '../../tools/local/ncp-simulator.ts'
import { runCommand, startCommand } from './command.ts'

let folder: string
let file: string
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'start-'))
	file = join(folder, 'cloud.json')
})
afterAll(() => rm(folder, { recursive: true }))

const REQUEST = '{"cloudPostgresqlInstanceNo":"1234925","fileName":"20210528","bucketName":"my-bucket"}'

const run = (script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
	startCommand(`tools/local/${script}`, args, { LOCAL_CLOUD_FILE: file, ...env })

const KEYS = { NCP_ACCESS_KEY: LOCAL_KEYS.accessKey, NCP_SECRET_KEY: LOCAL_KEYS.secretKey }

/** A simulator in the place of the real API. */
const startApi = () =>
	startNcpSimulator({
		keys: new Map([[LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey]]),
		instances: new Map([['1234925', { regionCode: 'KR', backups: new Set(['20210528']) }]]),
		buckets: new Set(['my-bucket']),
		copy: async () => undefined,
	})

/** What the console answers to a request that is sent from its page. */
async function sendFromConsole(lines: readonly string[], way: string): Promise<string> {
	const url = new URL(/^Console\s+(\S+)$/m.exec(lines.join('\n'))?.[1] ?? '')
	const response = await fetch(`${url.origin}/send${url.search}`, {
		method: 'POST',
		headers: { origin: url.origin, 'content-type': 'application/json' },
		body: JSON.stringify({ text: REQUEST, way }),
	})
	return ((await response.json()) as { answer: string }).answer
}

/** A running `npm start`. */
async function startCloudOf(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
	const started = run('start.ts', [...args], env)
	const { child, line, lines, exit } = started
	const url = (await line(/^Webhook {2}/)).replace(/^Webhook\s+/, '')
	await line(/^#/)
	return {
		...started,
		secret: () => /^Webhook secret\s+(whsec_\S+)$/m.exec(lines.join('\n'))?.[1] ?? '',
		callUnsigned: async () => {
			const headers = { 'content-type': 'application/json' }
			return (await fetch(url, { method: 'POST', body: REQUEST, headers })).status
		},
		/** Runs the printed shell lines as they are, and returns the status that curl got. */
		runPrinted: async () => {
			const text = /^ {2}WEBHOOK_URL=[\s\S]*?\n(?=\n)/m.exec(lines.join('\n'))?.[0] ?? ''
			// Curl's own settings, so that the text is run as it stands.
			await writeFile(join(folder, '.curlrc'), 'write-out = "\\n%{http_code}"\n')
			const { stdout } = await promisify(execFile)('bash', ['-c', text], {
				env: { PATH: process.env.PATH, CURL_HOME: folder },
			})
			return stdout.split('\n').at(-1)
		},
		stop: async () => {
			child.kill('SIGINT')
			expect(await exit).toBe(0)
		},
	}
}

describe('npm start', () => {
	it('prints where to send a request, shows its outcome, and ends cleanly on Ctrl-C', async () => {
		const { child, line, lines, exit } = run('start.ts')
		const url = (await line(/^Webhook/)).replace(/^Webhook\s+/, '')
		await line(/^#/)
		const response = await fetch(url, {
			method: 'POST',
			body: REQUEST,
			headers: { 'content-type': 'application/json' },
		})
		expect(response.status).toBe(202)
		await line(/accepted/)
		// The console's page needs the token in the URL, and nothing else opens it.
		const page = (await line(/^Console/)).replace(/^Console\s+/, '')
		expect(page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=/)
		expect((await fetch(page)).status).toBe(200)
		expect((await fetch(new URL(page).origin)).status).toBe(403)
		expect(await readFile(file, 'utf8')).not.toContain(new URL(page).searchParams.get('token'))
		// Other users of this machine cannot read the connection file.
		expect((await stat(file)).mode & 0o777).toBe(0o600)
		const doctor = await runCommand('tools/ops/main.ts', ['doctor'], { env: { LOCAL_CLOUD_FILE: file } })
		expect(doctor.output).toContain('No check failed.')
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		await expect(stat(file)).rejects.toThrow('ENOENT')
		// No colours: the output is not a terminal.
		expect(lines.join('\n')).not.toContain('\u001b')
		await expect(fetch(url)).rejects.toThrow()
		await expect(fetch(page)).rejects.toThrow()
	})

	it('warns first that it calls a real API when one is configured', async () => {
		const env = { NCP_ACCESS_KEY: 'AK', NCP_SECRET_KEY: 'SK', NCP_API_URL: 'http://127.0.0.1:1' }
		const { child, line, lines, exit } = run('start.ts', [], env)
		await line(/^#/)
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		expect(lines.slice(0, 2)).toEqual([
			'Calling http://127.0.0.1:1 with the key pair from the environment: exports are real.',
			'So the webhook refuses unsigned calls; --unsigned switches that off.',
		])
		expect(lines.join('\n').replace(/whsec_\S+/g, '')).not.toContain('SK')
	})

	it('--signed prints shell lines that sign a call anew, and refuses unsigned ones', async () => {
		const first = await startCloudOf(['--signed'])
		expect(await first.callUnsigned()).toBe(401)
		// Twice: an export is not repeated, so the second answer is the stored one.
		expect(await first.runPrinted()).toBe('202')
		await first.line(/accepted/)
		expect(await first.runPrinted()).toBe('202')
		expect(await first.callUnsigned()).toBe(401)
		// The console signs its calls.
		expect(await sendFromConsole(first.lines, 'webhook')).toBe('The webhook answered 202.')
		const secret = first.secret()
		const { output } = await runCommand('tools/ops/main.ts', ['doctor'], { env: { LOCAL_CLOUD_FILE: file } })
		expect(output).not.toContain('unsigned')
		// The secret is only printed.
		expect(await readFile(file, 'utf8')).not.toContain(secret)
		await first.stop()
		const second = await startCloudOf(['--signed'])
		expect(second.secret()).not.toBe(secret)
		await second.stop()
	})

	it.each([
		[[], 401, true],
		[['--signed'], 401, true],
		[['--unsigned'], 202, false],
	] as const)(
		'with a real API and the options %j, answers an unsigned call with %i',
		async (args, status, isSigned) => {
			const api = await startApi()
			const cloud = await startCloudOf(args, { ...KEYS, NCP_API_URL: api.url })
			expect(cloud.lines.join('\n').includes('every program on this machine can export')).toBe(!isSigned)
			expect(await cloud.callUnsigned()).toBe(status)
			expect(api.performed).toHaveLength(isSigned ? 0 : 1)
			if (isSigned) expect(await cloud.runPrinted()).toBe('202')
			expect(api.performed).toHaveLength(1)
			await cloud.stop()
			await api.stop()
		},
	)

	it('refuses to start beside a running one, which keeps its file', async () => {
		const first = await startCloudOf()
		const before = await readFile(file, 'utf8')
		const second = run('start.ts')
		expect(await second.exit).toBe(1)
		expect(second.errors()).toMatch(
			new RegExp(`^A local cloud is running already, as process ${first.child.pid}\\. .*LOCAL_CLOUD_FILE`),
		)
		expect(second.errors()).not.toMatch(/^\s+at /m)
		expect(await readFile(file, 'utf8')).toBe(before)
		// With a file of its own, it runs beside the first one, and its end leaves the first one's file alone.
		const third = await startCloudOf([], { LOCAL_CLOUD_FILE: join(folder, 'third.json') })
		await third.stop()
		expect(await readFile(file, 'utf8')).toBe(before)
		expect(await first.callUnsigned()).toBe(202)
		await first.stop()
		await expect(stat(file)).rejects.toThrow('ENOENT')
	})

	it('lets one of two start at the same time', async () => {
		const both = [run('start.ts'), run('start.ts')]
		const loser = await Promise.race(both.map(({ exit }, index) => exit.then(() => index)))
		const [lost, won] = [both[loser], both[1 - loser]]
		expect(await lost?.exit).toBe(1)
		await won?.line(/^#/)
		expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: won?.child.pid })
		won?.child.kill('SIGINT')
		expect(await won?.exit).toBe(0)
	})

	it('takes over the file of one that was killed', async () => {
		const first = await startCloudOf()
		first.child.kill('SIGKILL')
		await first.exit
		expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: first.child.pid })
		const second = await startCloudOf()
		expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: second.child.pid })
		const { output } = await runCommand('tools/ops/main.ts', ['doctor'], { env: { LOCAL_CLOUD_FILE: file } })
		expect(output).toContain('No check failed.')
		await second.stop()
		await expect(stat(file)).rejects.toThrow('ENOENT')
	})

	it.each([
		['start.ts', ['--port', 'abc'], {}, '--port must be a whole number'],
		['start.ts', ['--prot', '1'], {}, '--prot'],
		['start.ts', ['--signed', '--unsigned'], {}, "option '--signed' cannot be used with option '--unsigned'"],
		['demo.ts', ['extra'], {}, 'extra'],
		[
			'start.ts',
			[],
			{ NCP_ACCESS_KEY: 'AK', NCP_SECRET_KEY: 'SK', NCP_API_URL: 'nonsense' },
			'NCP_API_URL must be an http(s) URL',
		],
	])('%s %j prints a one-line error and ends with code 2', async (script, args, env, words) => {
		const { errors, exit } = run(script, args, env)
		expect(await exit).toBe(2)
		expect(errors()).toContain(words)
		expect(errors()).not.toMatch(/^\s+at /m)
	})

	it('reports that its port is in use', async () => {
		const server = createServer()
		const { port } = new URL(await listen(server))
		const { errors, exit } = run('start.ts', ['--port', port])
		expect(await exit).toBe(2)
		await close(server)
		expect(errors()).toContain('is in use')
		await expect(stat(file)).rejects.toThrow('ENOENT')
	})

	it.each(['start.ts', 'demo.ts'])('%s --help prints its help text', async (script) => {
		const { lines, exit } = run(script, ['--help'])
		expect(await exit).toBe(0)
		expect(lines[0]).toMatch(/^npm (start|run demo)/)
	})

	it('ends the demo on Ctrl-C with code 130', async () => {
		const { child, line, exit } = run('demo.ts')
		await line(/^#/)
		child.kill('SIGINT')
		expect(await exit).toBe(130)
	})
})
