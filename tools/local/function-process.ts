import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { on, once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Invocation {
	id: string
	event: unknown
	deadlineMs: number
	/** Sets the clock of the process. Left out, it is the machine's. */
	nowMs?: number
}

/** Asks a process for its memory use. */
export interface MemoryQuery {
	memoryQuery: number
}

export interface Memory {
	/** Heap in use after a garbage collection. */
	heapBytes: number
	/** Peak resident memory. */
	peakBytes: number
}

export type InvocationResult =
	| { ok: true; value: unknown }
	| { ok: false; errorType: string; errorMessage: string }

export interface FunctionOptions {
	name: string
	bundle: string
	env: Readonly<Record<string, string>>
	/** An invocation that takes longer is ended by killing its process, as Lambda does. */
	timeoutMs: number
	/** The number of processes, each of which runs one invocation at a time. */
	concurrency?: number
	/** The clock of the function: milliseconds since the epoch. */
	now?: () => number
	/** Called with each line that the function prints. */
	onLine?: (line: string) => void
	/** Called when a process crashed or timed out during an invocation. */
	onProblem?: (text: string) => void
}

export interface LocalFunction {
	invoke: (event: unknown, id?: string) => Promise<InvocationResult>
	/** The memory of each running process. */
	memory: () => Promise<Memory[]>
	/** Kills every process, as a crash would, and resolves when they have exited. */
	kill: () => Promise<void>
	/** Waits for running invocations, then ends the processes. */
	stop: () => Promise<void>
}

interface Instance {
	child: ChildProcess
	run: (invocation: Invocation) => Promise<InvocationResult>
}

/** Halves the start of a process from the second on. https://nodejs.org/api/module.html#module-compile-cache */
export const NODE_COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url))

/** Runs a bundle as Lambda does: in processes with their own environment, one invocation at a time in each. */
export function createFunction(options: FunctionOptions): LocalFunction {
	const { concurrency = 2, timeoutMs, now } = options
	const idle: Instance[] = []
	const alive = new Set<ChildProcess>()
	const running = new Set<Promise<InvocationResult>>()
	const queue: (() => void)[] = []
	let busy = 0

	const take = async (): Promise<Instance> => {
		if (busy >= concurrency) await new Promise<void>((resolve) => queue.push(resolve))
		else busy++
		const ready = idle.pop()
		if (ready !== undefined) return ready
		const instance = startInstance(options)
		alive.add(instance.child)
		instance.child.once('exit', () => {
			alive.delete(instance.child)
			const index = idle.indexOf(instance)
			if (index >= 0) idle.splice(index, 1)
		})
		return instance
	}
	const give = (instance: Instance): void => {
		// A killed process stays connected until it exits.
		if (instance.child.connected && !instance.child.killed) idle.push(instance)
		const next = queue.shift()
		if (next === undefined) busy--
		else next()
	}
	const invoke = async (event: unknown, id: string = randomUUID()): Promise<InvocationResult> => {
		const instance = await take()
		try {
			const nowMs = now?.()
			const deadlineMs = (nowMs ?? Date.now()) + timeoutMs
			const result = await instance.run({ id, event, deadlineMs, ...(nowMs === undefined ? {} : { nowMs }) })
			if (!result.ok && BROKEN.has(result.errorType))
				options.onProblem?.(`${result.errorType}: ${result.errorMessage}`)
			return result
		} finally {
			give(instance)
		}
	}

	const kill = async (): Promise<void> => {
		await Promise.all(
			[...alive].map((child) => {
				const exit = once(child, 'exit')
				child.kill('SIGKILL')
				return exit
			}),
		)
	}

	return {
		invoke: (event, id) => {
			const result = invoke(event, id)
			running.add(result)
			result.finally(() => running.delete(result))
			return result
		},
		memory: () => Promise.all([...alive].map(queryMemory)),
		kill,
		stop: async () => {
			await Promise.allSettled(running)
			await kill()
		},
	}
}

/** Lambda's error types for a process that crashed or timed out, as opposed to a handler that threw. */
const BROKEN: ReadonlySet<string> = new Set(['Runtime.ExitError', 'Sandbox.Timedout'])

function startInstance({ name, bundle, env, timeoutMs, onLine }: FunctionOptions): Instance {
	const child = fork(new URL('function-host.ts', import.meta.url), [bundle, name], {
		env: { PATH: process.env.PATH, NODE_COMPILE_CACHE, AWS_LAMBDA_FUNCTION_NAME: name, ...env },
		stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
		// Not the parent's flags: a debugger, a test's loader.
		execArgv: [],
	})
	const lastLines: string[] = []
	for (const stream of [child.stdout, child.stderr]) {
		if (stream === null) continue
		createInterface({ input: stream }).on('line', (line) => {
			lastLines.push(line)
			if (lastLines.length > 20) lastLines.shift()
			onLine?.(line)
		})
	}
	const ready = once(child, 'message')
	ready.catch(() => undefined)
	const exit = once(child, 'exit').then(() =>
		ended('Runtime.ExitError', `${name} exited\n${lastLines.join('\n')}`),
	)

	const run = async (invocation: Invocation): Promise<InvocationResult> => {
		const timeout = Promise.withResolvers<InvocationResult>()
		const timer = setTimeout(() => {
			child.kill('SIGKILL')
			timeout.resolve(ended('Sandbox.Timedout', `${name} timed out after ${timeoutMs} ms`))
		}, timeoutMs)
		const answered = Promise.withResolvers<InvocationResult>()
		const onMessage = (message: { id?: string; result?: InvocationResult }): void => {
			if (message.id === invocation.id && message.result !== undefined) answered.resolve(message.result)
		}
		child.on('message', onMessage)
		const started = await Promise.race([ready, exit, timeout.promise])
		if (Array.isArray(started)) child.send(invocation, () => undefined)
		try {
			return await Promise.race([answered.promise, exit, timeout.promise])
		} finally {
			clearTimeout(timer)
			child.off('message', onMessage)
		}
	}
	return { child, run }
}

let memoryQueries = 0

async function queryMemory(child: ChildProcess): Promise<Memory> {
	const memoryQuery = ++memoryQueries
	child.send({ memoryQuery } satisfies MemoryQuery)
	for await (const [message] of on(child, 'message')) {
		if (message.memoryQuery === memoryQuery) return message.memory
	}
	throw new Error('the process exited before it reported its memory')
}

function ended(errorType: string, errorMessage: string): InvocationResult {
	return { ok: false, errorType, errorMessage }
}
