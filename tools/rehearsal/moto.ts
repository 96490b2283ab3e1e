import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const START_MS = 30_000

export interface Moto {
	url: string
	stop: () => Promise<void>
}

/** Whether moto, an independent implementation of AWS in Python, is installed. */
export async function hasMoto(): Promise<boolean> {
	return promisify(execFile)('python3', ['-c', 'import moto.server']).then(
		() => true,
		() => false,
	)
}

/** Starts moto on a free port of 127.0.0.1. Throws when it does not answer in time. */
export async function startMoto(): Promise<Moto> {
	const port = await freePort()
	const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
		stdio: 'ignore',
	})
	const url = `http://127.0.0.1:${port}`
	const stop = () => end(child)
	const startedMs = Date.now()
	while (!(await answers(`${url}/moto-api/`))) {
		if (child.exitCode !== null || Date.now() - startedMs > START_MS) {
			await stop()
			throw new Error('moto did not start: try "python3 -m moto.server"')
		}
		await sleep(200)
	}
	return { url, stop }
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return
	const exit = new Promise((resolve) => child.once('exit', resolve))
	child.kill('SIGKILL')
	await exit
}

function answers(url: string): Promise<boolean> {
	return fetch(url).then(
		({ ok }) => ok,
		() => false,
	)
}

async function freePort(): Promise<number> {
	const server = createServer()
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	const address = server.address()
	await new Promise((resolve) => server.close(resolve))
	if (address === null || typeof address === 'string') throw new Error('no free port')
	return address.port
}
