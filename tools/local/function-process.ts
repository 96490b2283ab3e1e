import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { on, once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Invocation {
	id: string
	event: unknown
	deadlineMs: number
	/** What the process must take for the present; left out, its clock is the machine's. */
	nowMs?: number
}

/** Asks a process for its memory. */
export interface MemoryQuery {
	memoryQuery: number
}

export interface Memory {
	/** The heap after a collection. */
	heapBytes: number
	/** The most that was resident at any time. */
	peakBytes: number
}

export type InvocationResult =
	| { ok: true; value: unknown }
	| { ok: false; errorType: string; errorMessage: string }

export interface FunctionOptions {
	name: string
	/** Path of the built bundle. */
	bundle: string
	env: Readonly<Record<string, string>>
	/** After this the process is killed, as Lambda does. */
	timeoutMs: number
	/** How many processes may run at once, each with one invocation. */
	concurrency?: number
	/** Milliseconds since the epoch, for a world with a time of its own. */
	now?: () => number
	/** Every line the function prints. */
	onLine?: (line: string) => void
	/** Told when a process ended or was killed with an invocation in hand. */
	onProblem?: (text: string) => void
}

export interface LocalFunction {
	invoke: (event: unknown, id?: string) => Promise<InvocationResult>
	/** The memory of each process alive. */
	memory: () => Promise<Memory[]>
	/** Ends every process at once, as a crash would, and resolves when they are gone. */
	kill: () => Promise<void>
	/** Lets running invocations finish and ends the processes. */
	stop: () => Promise<void>
}

interface Instance {
	child: ChildProcess
	run: (invocation: Invocation) => Promise<InvocationResult>
}

/** Runs a bundle as Lambda does: real processes with their own environment, one invocation at a time in each. */
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
		// Just after a kill it is still connected.
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

/** Not the handler's own error, but the process's. */
const BROKEN: ReadonlySet<string> = new Set(['Runtime.ExitError', 'Sandbox.Timedout'])

function startInstance({ name, bundle, env, timeoutMs, onLine }: FunctionOptions): Instance {
	const child = fork(new URL('function-host.ts', import.meta.url), [bundle, name], {
		env: { PATH: process.env.PATH, AWS_LAMBDA_FUNCTION_NAME: name, ...env },
		stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
		// The runner's own flags (a debugger, a test's loader) are not the function's.
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
		ended('Runtime.ExitError', `${name} ended\n${lastLines.join('\n')}`),
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
	throw new Error('the process ended')
}

function ended(errorType: string, errorMessage: string): InvocationResult {
	return { ok: false, errorType, errorMessage }
}
