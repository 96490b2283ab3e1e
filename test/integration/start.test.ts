import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { close, listen } from '../../local/listen.ts'

const REQUEST = '{"cloudPostgresqlInstanceNo":"1234925","fileName":"20210528","bucketName":"my-bucket"}'

function run(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
	const child = spawn(
		process.execPath,
		[new URL(`../../local/${script}`, import.meta.url).pathname, ...args],
		{
			env: { ...process.env, ...env },
		},
	)
	const lines: string[] = []
	const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = []
	const reader = createInterface({ input: child.stdout })
	reader.on('line', (line) => {
		lines.push(line)
		for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line)
	})
	const line = (pattern: RegExp) => {
		const seen = lines.find((each) => pattern.test(each))
		if (seen !== undefined) return Promise.resolve(seen)
		const { promise, resolve } = Promise.withResolvers<string>()
		waiting.push({ pattern, resolve })
		return promise
	}
	const exit = once(child, 'close').then(([code]) => code as number)
	let errorText = ''
	child.stderr.on('data', (chunk) => {
		errorText += chunk
	})
	return { child, lines, line, exit, errors: () => errorText }
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
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		// No colours, since this is no terminal.
		expect(lines.join('\n')).not.toContain('\u001b')
		await expect(fetch(url)).rejects.toThrow()
	})

	it('says first that it calls a real API when one is named', async () => {
		const env = { NCP_ACCESS_KEY: 'AK', NCP_SECRET_KEY: 'SK', NCP_API_URL: 'http://127.0.0.1:1' }
		const { child, line, lines, exit } = run('start.ts', [], env)
		await line(/^#/)
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		expect(lines[0]).toBe(
			'Calling http://127.0.0.1:1 with the key pair of the environment: exports are real.',
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
	])('%s %j says in a line what is wrong, and ends with code 2', async (script, args, env, words) => {
		const { errors, exit } = run(script, args, env)
		expect(await exit).toBe(2)
		expect(errors()).toContain(words)
		expect(errors()).not.toMatch(/^\s+at /m)
	})

	it('says that its port is taken', async () => {
		const server = createServer()
		const { port } = new URL(await listen(server))
		const { errors, exit } = run('start.ts', ['--port', port])
		expect(await exit).toBe(2)
		await close(server)
		expect(errors()).toContain('is in use')
	})

	it.each(['start.ts', 'demo.ts'])('%s explains itself', async (script) => {
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
