import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, listen } from '../../tools/local/listen.ts'
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
	})

	it('warns first that it calls a real API when one is configured', async () => {
		const env = { NCP_ACCESS_KEY: 'AK', NCP_SECRET_KEY: 'SK', NCP_API_URL: 'http://127.0.0.1:1' }
		const { child, line, lines, exit } = run('start.ts', [], env)
		await line(/^#/)
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		expect(lines[0]).toBe(
			'Calling http://127.0.0.1:1 with the key pair from the environment: exports are real.',
		)
		expect(lines.join('\n')).not.toContain('SK')
	})

	it.each([
		['start.ts', ['--port', 'abc'], {}, '--port must be a whole number'],
		['start.ts', ['--prot', '1'], {}, '--prot'],
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
