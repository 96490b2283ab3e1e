import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { close, listen, readAll } from '../../tools/local/listen.ts'

export interface RuntimeOptions {
	functionName: string
	/** As in serverless.yml. */
	handler: string
	env: Readonly<Record<string, string>>
}

export interface RuntimeError {
	errorType: string
	errorMessage: string
	trace: string[]
}

/** How a start or an invocation ended. */
export type Ending =
	/** The process asked for its first invocation. */
	| { kind: 'ready' }
	| { kind: 'init-error'; error: RuntimeError }
	| { kind: 'response'; value: unknown }
	| { kind: 'error'; error: RuntimeError }
	/** Killed at its deadline, before it answered. */
	| { kind: 'timed-out' }
	/** The process ended before it answered. */
	| { kind: 'exit'; status: number | NodeJS.Signals }

export interface Runtime {
	started: Promise<Ending>
	/** One at a time. Kills the process if it has not answered within `timeoutMs`. */
	invoke: (event: unknown, timeoutMs?: number) => Promise<Ending>
	/** Kills the process immediately, and resolves with everything that it printed and posted. */
	stop: () => Promise<{ printed: string; posted: string }>
}

const PACKAGE = new URL('node_modules/aws-lambda-ric/', import.meta.url)
const TASK_ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The runtime needs its native module, which is not built on every system. */
export const isRuntimeInstalled = existsSync(new URL('rapid-client.node', PACKAGE))

/** Lambda's limit for a response. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_BODY_BYTES = 6 * 1024 * 1024

const POSTED = /^\/2018-06-01\/runtime\/(?:invocation\/)?([^/]+)\/(response|error)$/

/** Runs AWS's runtime in its own process, with the API from which it fetches its work. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
	const posted: string[] = []
	const initFailed = Promise.withResolvers<Ending>()
	const endings = new Map([['init', initFailed]])
	let asked = Promise.withResolvers<(event: string, headers: Record<string, string>) => void>()

	const server = createServer(async (request, response) => {
		if (request.url === '/2018-06-01/runtime/invocation/next') {
			asked.resolve((event, headers) => response.writeHead(200, headers).end(event))
			return
		}
		const body = (await readAll(request, MAX_BODY_BYTES)).toString('utf8')
		// The headers repeat the error for X-Ray.
		posted.push(JSON.stringify(request.headers), body)
		const [, id = '', verb = ''] = POSTED.exec(request.url ?? '') ?? []
		endings.get(id)?.resolve(toEnding(id, verb, body))
		response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
	})
	const url = await listen(server)
	const child = startProcess(options, new URL(url).host)
	const printed = Promise.all([text(child.stdout), text(child.stderr)])
	const exit = once(child, 'exit').then(
		([code, signal]): Ending => ({ kind: 'exit', status: code ?? signal }),
	)
	const ready = asked.promise.then((): Ending => ({ kind: 'ready' }))

	const invoke = async (event: unknown, timeoutMs = 30_000): Promise<Ending> => {
		const hand = await Promise.race([asked.promise, exit])
		if (typeof hand !== 'function') return hand
		asked = Promise.withResolvers()
		const id = randomUUID()
		const ended = Promise.withResolvers<Ending>()
		endings.set(id, ended)
		const timer = setTimeout(() => {
			ended.resolve({ kind: 'timed-out' })
			child.kill('SIGKILL')
		}, timeoutMs)
		hand(JSON.stringify(event), {
			// The native module crashes without it.
			'content-type': 'application/json',
			'lambda-runtime-aws-request-id': id,
			'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
			'lambda-runtime-invoked-function-arn': `arn:aws:lambda:local:000000000000:function:${options.functionName}`,
		})
		const ending = await Promise.race([ended.promise, exit])
		clearTimeout(timer)
		return ending
	}
	const stop = async (): Promise<{ printed: string; posted: string }> => {
		child.kill('SIGKILL')
		const streams = await printed
		await close(server)
		return { printed: streams.join('\n'), posted: posted.join('\n') }
	}
	let stopped: ReturnType<typeof stop> | undefined
	return {
		started: Promise.race([ready, initFailed.promise, exit]),
		invoke,
		stop: () => {
			stopped ??= stop()
			return stopped
		},
	}
}

function toEnding(id: string, verb: string, body: string): Ending {
	if (verb === 'response') return { kind: 'response', value: JSON.parse(body) }
	return { kind: id === 'init' ? 'init-error' : 'error', error: JSON.parse(body) }
}

/** Only the variables that Lambda and the function's configuration would set. */
function startProcess({ functionName, handler, env }: RuntimeOptions, api: string) {
	return spawn(process.execPath, [fileURLToPath(new URL('index.mjs', PACKAGE))], {
		cwd: TASK_ROOT,
		stdio: ['ignore', 'pipe', 'pipe'],
		env: {
			PATH: process.env.PATH,
			TZ: ':UTC',
			AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
			AWS_LAMBDA_RUNTIME_API: api,
			AWS_LAMBDA_FUNCTION_NAME: functionName,
			AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
			AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
			AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
			AWS_LAMBDA_LOG_STREAM_NAME: 'local',
			LAMBDA_TASK_ROOT: TASK_ROOT,
			_HANDLER: handler,
			...env,
		},
	})
}
