import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { createProgram, runCommand, UsageError } from '../../tools/terminal/command-line.ts'
import { onInterrupt } from '../../tools/terminal/interrupt.ts'
import { paint } from '../../tools/terminal/outcome-row.ts'
import { startProgressBar } from '../../tools/terminal/progress-bar.ts'
import { digest } from './random.ts'
import { runJobs } from './run-jobs.ts'
import { type Simulated, Simulation, type SimulationOptions } from './simulation.ts'

type Part = Pick<SimulationOptions, 'seed' | 'exports'>

/** Each part is a world of its own, of two days: the memory does not grow with the number of exports. */
const EXPORTS_OF_A_PART = 5_000

const program = createProgram('npm run simulate --')
	.description(
		`Simulates queues, table, topic, NCP, bucket and clock in memory, with the real code of all functions between them: days of
exports, with faults decided by a seed, two hours of maintenance, outages of the topic, the table and the bucket, and an
operator who redrives dead letters. Asks the world whether a promise is broken. The same seed gives the same trace.`,
	)
	.option('--seed <number>', 'what decides everything (default: 1)')
	.option('--exports <number>', 'how many requests (default: 100000)')
	.option('--trace <path>', 'write every step to a file')
	.helpOption('-h, --help', 'print this text')
	.addHelpText(
		'after',
		'\nExit code: 0 when every promise was kept, 1 otherwise, 2 for a mistake in the command.',
	)

interface Options {
	seed?: string
	exports?: string
	trace?: string
}

await runCommand(() => run(program.parse().opts<Options>()))

function toNumber(option: string, text: string, most: number): number {
	if (/^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text)
	throw new UsageError(`${option} must be a whole number from 1 to ${most}, not "${text}"`)
}

async function run(options: Options): Promise<number> {
	const seed = toNumber('--seed', options.seed ?? '1', 2 ** 31)
	const exports = toNumber('--exports', options.exports ?? '100000', 100_000_000)
	const stopping = new AbortController()
	const interrupted = onInterrupt().then((exitCode) => {
		stopping.abort()
		return exitCode
	})
	const parts = toParts(seed, exports)
	const startedMs = performance.now()
	const done = (
		options.trace === undefined ? simulate(parts, stopping.signal) : writeTrace(parts, options.trace)
	).then((results) => report({ seed, exports }, parts, results, startedMs))
	return Promise.race([done, interrupted])
}

/** The first part has the seed itself, so that a part that fails can be repeated alone. */
function toParts(seed: number, exports: number): Part[] {
	return Array.from({ length: Math.ceil(exports / EXPORTS_OF_A_PART) }, (_, index) => ({
		seed: (seed + index * 7_919) % 2 ** 31,
		exports: Math.min(EXPORTS_OF_A_PART, exports - index * EXPORTS_OF_A_PART),
	}))
}

async function simulate(parts: readonly Part[], signal: AbortSignal): Promise<Simulated[]> {
	const results: Simulated[] = []
	const bar = startProgressBar(parts.length)
	let done = 0
	const jobs = parts.map((part) => ({ kind: 'simulate' as const, ...part }))
	await runJobs(jobs, signal, (index, result) => {
		if (!('simulated' in result)) return
		results[index] = result.simulated
		bar.update(++done)
	})
	bar.clear()
	return results
}

async function writeTrace(parts: readonly Part[], path: string): Promise<Simulated[]> {
	const file = createWriteStream(path)
	const results: Simulated[] = []
	for (const part of parts)
		results.push(
			await new Simulation({ ...part, onLine: (line) => file.write(`${part.seed} ${line}\n`) }).run(),
		)
	file.end()
	await finished(file)
	return results
}

async function report(
	{ seed, exports }: Part,
	parts: readonly Part[],
	results: readonly Simulated[],
	startedMs: number,
): Promise<number> {
	const steps = results.reduce((sum, each) => sum + each.steps, 0)
	const trace = digest(results.map((each) => each.digest).join(' ')).toString(16)
	const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
	print(`Seed ${seed}, ${exports} exports, ${steps} steps, trace ${trace}, ${seconds} s.`)
	for (const [name, count] of Object.entries(sum(results))) print(`  ${name.padEnd(20)} ${count}`)
	const index = results.findIndex(({ failure }) => failure !== null)
	const part = parts[index]
	if (part === undefined) {
		print(paint('green', 'Every promise was kept.'))
		return 0
	}
	const shortest = await findShortest(part)
	const { failure } = await new Simulation(shortest).run()
	print(
		paint(
			'red',
			`A promise was broken: npm run simulate -- --seed ${shortest.seed} --exports ${shortest.exports}`,
		),
	)
	for (const violation of failure?.violations ?? []) print(paint('red', `  BROKEN: ${violation}`))
	print('  the last steps before:')
	for (const line of failure?.lastSteps ?? []) print(`    ${line}`)
	return 1
}

/** The fewest exports that still fail: those of a part are a prefix of those of a longer one. */
async function findShortest({ seed, exports }: Part): Promise<Part> {
	let passes = 0
	let fails = exports
	while (fails - passes > 1) {
		const middle = Math.floor((passes + fails) / 2)
		const { failure } = await new Simulation({ seed, exports: middle }).run()
		if (failure === null) passes = middle
		else fails = middle
	}
	return { seed, exports: fails }
}

function sum(results: readonly Simulated[]): Record<string, number> {
	const total: Record<string, number> = {}
	for (const { counts } of results)
		for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count
	return Object.fromEntries(Object.entries(total).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function print(text: string): void {
	process.stdout.write(`${text}\n`)
}
