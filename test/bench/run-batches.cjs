'use strict'

/**
 * Loads one bundle, invokes it with batches of ten records and reports on file descriptor 3, one line of JSON at each stop.
 * Arguments: the bundle, a prefix that makes the file names unique, and the stops, each a number of batches.
 * Plain CommonJS without project imports, because loading and type stripping would be part of every figure.
 */
const { readFileSync, writeSync } = require('node:fs')

const [, , bundle, prefix, ...stops] = process.argv

const CONTEXT = {
	awsRequestId: 'bench',
	functionName: 'bench',
	callbackWaitsForEmptyEventLoop: true,
	getRemainingTimeInMillis: () => 20_000,
}

run().catch((error) => {
	console.error(error)
	process.exit(1)
})

async function run() {
	if (process.env.OBJECT_STORAGE_URL === 'stand-in')
		process.env.OBJECT_STORAGE_URL = process.env.BENCH_STORAGE_URL
	const { handler } = require(bundle)
	let batch = 0
	for (const stop of stops.map(Number)) {
		let startedMs = 0
		while (batch < stop) {
			const event = toEvent(`${prefix}-${batch++}`)
			startedMs = nowMs()
			const { batchItemFailures } = await handler(event, CONTEXT)
			if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} records failed`)
		}
		await report(startedMs, nowMs())
	}
	// Open connections and timers would keep it alive.
	process.exit()
}

function toEvent(name) {
	const toBody = process.env.BENCH_EVENT === 'coverage' ? toCheck : toRequest
	const Records = Array.from({ length: 10 }, (_, index) => ({
		messageId: `${name}-${index}`,
		receiptHandle: `receipt-${name}-${index}`,
		body: JSON.stringify(toBody(name, index)),
		attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
		messageAttributes: {},
		eventSource: 'aws:sqs',
	}))
	return { Records }
}

function toRequest(name, index) {
	return {
		cloudPostgresqlInstanceNo: String(1_234_920 + index),
		fileName: `${name}-${index}`,
		bucketName: 'my-bucket',
	}
}

function toCheck(_name, index) {
	const policy = { name: 'nightly', bucketName: 'my-bucket' }
	return { policy, instanceNo: String(1_234_920 + index), sweptAt: new Date().toISOString() }
}

async function report(startedMs, atMs) {
	const { user, system } = process.cpuUsage()
	const line = {
		atMs,
		batchMs: atMs - startedMs,
		cpuMs: (user + system) / 1000,
		heapBytes: await heapAfterCollection(),
		peakBytes: peakBytes(),
	}
	writeSync(3, `${JSON.stringify(line)}\n`)
}

/** A clock shared by all processes of the machine. */
function nowMs() {
	return Number(process.hrtime.bigint()) / 1e6
}

/** 0 without `--expose-gc`. Memory released by finalizers is freed only in the next collection. */
async function heapAfterCollection() {
	if (globalThis.gc === undefined) return 0
	for (let turn = 0; turn < 5; turn++) {
		globalThis.gc()
		await new Promise(setImmediate)
	}
	return process.memoryUsage().heapUsed
}

/** On Linux, `maxRSS` starts with the parent's value at the time of the fork. */
function peakBytes() {
	if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
	return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
}
