import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Counts, Protocol, StandIns } from './stand-ins.ts'
import type { Variant } from './variants.ts'

export interface Stop {
	/** From just before the process starts to the end of the batch. */
	sinceStartMs: number
	/** Duration of the last batch alone. */
	batchMs: number
	/** User and system time of the process so far. */
	cpuMs: number
	/** Heap size after a collection; 0 when no collection was requested. */
	heapBytes: number
	/** Peak resident memory so far. */
	peakBytes: number
}

export interface Run {
	/** Over TLS, as deployed, unless it says otherwise. */
	protocol?: Protocol
	/** The file of a control group for the process to enter. */
	procsPath?: string
	/** Numbers of batches after which to report. */
	stops: readonly number[]
	/** Collect garbage before each report, to measure the heap. */
	collects?: boolean
}

const RECORDS = 10
const RUNNER = fileURLToPath(new URL('run-batches.cjs', import.meta.url))
const LIMIT_MS = 280_000

/** Lambda's runtime sizes V8's heap by the function's memory: a tenth for the young generation, half of that per semi-space. */
const MEMORY_MIB = Number(readSetting(/^ {2}memorySize: (\d+)$/m))
const YOUNG_MIB = Math.floor(MEMORY_MIB / 10)
const LAMBDA_FLAGS = [
	`--max-semi-space-size=${Math.floor(YOUNG_MIB / 2)}`,
	`--max-old-space-size=${MEMORY_MIB - YOUNG_MIB}`,
]

const MALLOC_ARENA_MAX = readSetting(/^ {4}MALLOC_ARENA_MAX: (\d+)$/m)

let runs = 0

export interface Ran {
	stops: Stop[]
	/** What the stand-ins received from it. */
	counts: Counts
}

/** Runs a variant in its own process. Throws unless every record caused the expected calls. */
export async function runBatches(
	variant: Variant,
	{ stops, collects, protocol = 'tls', procsPath }: Run,
	standIns: StandIns,
): Promise<Ran> {
	await standIns.ask({})
	const flags = collects ? [...LAMBDA_FLAGS, '--expose-gc'] : LAMBDA_FLAGS
	const startedMs = Number(process.hrtime.bigint()) / 1e6
	const args = [...flags, RUNNER, variant.bundle, `run-${runs++}`, ...stops.map(String)]
	const child = spawn(...inGroup(procsPath, args), {
		env: { ...standIns.env[protocol], MALLOC_ARENA_MAX, ...variant.env },
		// The functions' log output is discarded, for all variants.
		stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
		timeout: LIMIT_MS,
	})
	const [, , stderr, reports] = child.stdio
	const closed = once(child, 'close')
	const [errors, lines] = await Promise.all([readText(stderr), readText(reports)])
	const [exitCode] = await closed
	if (exitCode !== 0) throw new Error(`${variant.title} ended with ${exitCode}: ${errors.slice(0, 2_000)}`)
	const counts = await standIns.ask({})
	checkCounts(variant, (stops.at(-1) ?? 0) * RECORDS, counts)
	const reported = lines
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line))
	return { stops: reported.map(({ atMs, ...stop }) => ({ ...stop, sinceStartMs: atMs - startedMs })), counts }
}

/** The command, which enters the control group before it becomes Node.js. */
function inGroup(procsPath: string | undefined, args: readonly string[]): [string, string[]] {
	if (procsPath === undefined) return [process.execPath, [...args]]
	return ['/bin/sh', ['-c', 'echo $$ > "$0"; exec "$@"', procsPath, process.execPath, ...args]]
}

async function readText(
	stream: NodeJS.ReadableStream | NodeJS.WritableStream | null | undefined,
): Promise<string> {
	let text = ''
	for await (const chunk of stream as NodeJS.ReadableStream) text += chunk
	return text
}

function checkCounts({ title, perRecord, secretReads = 0 }: Variant, records: number, counts: Counts): void {
	for (const name of ['calls', 'published', 'writes', 'checks', 'lists'] as const) {
		const expected = (perRecord[name] ?? 0) * records
		if (counts[name] !== expected)
			throw new Error(`${title}: ${counts[name]} ${name} for ${records} records, not ${expected}`)
	}
	if (counts.secretReads !== secretReads)
		throw new Error(`${title}: ${counts.secretReads} reads of the secret`)
	const [problem] = counts.problems
	if (problem !== undefined)
		throw new Error(`${title} sent a request that the test servers do not support: ${problem}`)
}

/** The settings of the deployed functions. */
function readSetting(pattern: RegExp): string {
	const text = readFileSync(new URL('../../serverless.yml', import.meta.url), 'utf8')
	const value = pattern.exec(text)?.[1]
	if (value === undefined) throw new Error(`serverless.yml has no ${pattern}`)
	return value
}
