import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Invocation, InvocationResult, Memory, MemoryQuery } from './function-process.ts'

/** The child process of a function: loads one bundle and runs one invocation at a time, as Lambda's runtime does. */
const [, , bundle = '', functionName = ''] = process.argv

// Ctrl-C reaches the whole process group. The parent lets a running invocation finish, then ends this process.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit(0))

// For tests that let hours pass. Replaced before the bundle loads, since the bundle may keep a reference to it.
const { now } = Date
let clockOffsetMs = 0
Date.now = () => now() + clockOffsetMs

type Handler = (event: unknown, context: unknown) => Promise<unknown>

const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Handler }

process.on('message', async (message: Invocation | MemoryQuery) => {
	if ('memoryQuery' in message) {
		const peakBytes = process.resourceUsage().maxRSS * 1024
		const memory: Memory = { heapBytes: heapAfterCollection(), peakBytes }
		process.send?.({ memoryQuery: message.memoryQuery, memory })
		return
	}
	const { id, event, deadlineMs, nowMs } = message
	if (nowMs !== undefined) clockOffsetMs = nowMs - now()
	const context = {
		awsRequestId: id,
		callbackWaitsForEmptyEventLoop: true,
		functionName,
		functionVersion: '$LATEST',
		invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${functionName}`,
		memoryLimitInMB: '256',
		logGroupName: `/aws/lambda/${functionName}`,
		logStreamName: 'local',
		getRemainingTimeInMillis: () => deadlineMs - Date.now(),
	}
	answer(id, await handler(event, context).then(toSuccess, toFailure))
})

process.send?.({ ready: true })

/** Bytes in use after a garbage collection. */
function heapAfterCollection(): number {
	setFlagsFromString('--expose-gc')
	const collect = runInNewContext('gc') as () => void
	collect()
	return process.memoryUsage().heapUsed
}

function answer(id: string, result: InvocationResult): void {
	process.send?.({ id, result })
}

/** Lambda returns a handler's result as JSON. */
function toSuccess(value: unknown): InvocationResult {
	return { ok: true, value: JSON.parse(JSON.stringify(value ?? null)) }
}

function toFailure(error: unknown): InvocationResult {
	const { name, message } = error instanceof Error ? error : new Error(String(error))
	return { ok: false, errorType: name, errorMessage: message }
}
