import { createProgram, runCommand, UsageError } from '../../tools/terminal/command-line.ts'
import { onInterrupt } from '../../tools/terminal/interrupt.ts'
import { paint } from '../../tools/terminal/outcome-row.ts'
import type { Explored } from './explorer.ts'
import { runJobs } from './run-jobs.ts'
import { SCENARIOS } from './scenarios.ts'
import type { Job } from './worker.ts'

type ExploreJob = Job & { kind: 'explore' }

/**
 * Two faults with two deliveries, and one fault with three: both together would take hours. The longest first, so that none
 * runs alone at the end.
 */
const BOUNDS: readonly Omit<ExploreJob, 'kind'>[] = [
	{ scenario: 'a place that another instance gives back', deliveries: 3, faults: 1 },
	{ scenario: 'two instances that ask for one place', deliveries: 3, faults: 1 },
	{ scenario: 'one export and its checks', deliveries: 1, faults: 2 },
	{ scenario: 'one export, delivered three times', deliveries: 3, faults: 1 },
	{ scenario: 'a coverage check beside somebody’s own request', deliveries: 2, faults: 1 },
	{ scenario: 'two instances that ask for one place', deliveries: 2, faults: 2 },
	{ scenario: 'two instances in one bucket, with folders', deliveries: 2, faults: 2 },
	{ scenario: 'a place that another instance gives back', deliveries: 2, faults: 2 },
	{ scenario: 'one export, delivered three times', deliveries: 2, faults: 2 },
	{ scenario: 'two coverage checks of one instance', deliveries: 1, faults: 1 },
]

const program = createProgram('npm run explore --')
	.description(
		`Runs the real code through every order of its steps, in small worlds, with every combination of a few faults (killed before
or after a step, an answer lost, a call timed out, a lease that runs out under a live process, a clock a minute off), and
asks the world whether a promise is broken. Takes a minute and a half on two cores.`,
	)
	.option('--only <text>', 'only the worlds whose name contains the text')
	.option('--deliveries <number>', 'other bounds for them: deliveries, 1 to 3')
	.option('--faults <number>', 'other bounds for them: faults, 0 to 2')
	.helpOption('-h, --help', 'print this text')
	.addHelpText(
		'after',
		'\nExit code: 0 when every promise was kept, 1 otherwise, 2 for a mistake in the command.',
	)

interface Options {
	only?: string
	deliveries?: string
	faults?: string
}

await runCommand(() => run(toJobs(program.parse().opts<Options>())))

function toJobs({ only = '', deliveries, faults }: Options): ExploreJob[] {
	const isChanged = deliveries !== undefined || faults !== undefined
	const worlds = isChanged
		? SCENARIOS.map(({ name }) => ({ scenario: name, deliveries: 2, faults: 1 }))
		: BOUNDS
	const jobs = worlds
		.filter(({ scenario }) => scenario.includes(only))
		.map((job) => ({
			kind: 'explore' as const,
			scenario: job.scenario,
			deliveries: toNumber('--deliveries', deliveries, 1, 3) ?? job.deliveries,
			faults: toNumber('--faults', faults, 0, 2) ?? job.faults,
		}))
	if (jobs.length === 0) throw new UsageError(`no world is called "${only}"`)
	return jobs
}

function toNumber(option: string, text: string | undefined, least: number, most: number): number | undefined {
	if (text === undefined) return undefined
	const value = Number(text)
	if (Number.isInteger(value) && value >= least && value <= most) return value
	throw new UsageError(`${option} must be a whole number from ${least} to ${most}, not "${text}"`)
}

async function run(jobs: readonly ExploreJob[]): Promise<number> {
	const stopping = new AbortController()
	const interrupted = onInterrupt().then((exitCode) => {
		stopping.abort()
		return exitCode
	})
	const startedMs = performance.now()
	const all: Explored[] = []
	print(paint('bold', toRow(['world', 'deliveries', 'faults', 'interleavings', 'states'])))
	const done = runJobs(jobs, stopping.signal, (index, result) => {
		if (!('explored' in result)) return
		all.push(result.explored)
		print(toText(jobs[index] as ExploreJob, result.explored))
	}).then(() => null)
	const exitCode = await Promise.race([done, interrupted])
	if (exitCode !== null) return exitCode
	const broken = all.filter(({ failure }) => failure !== null).length
	const total = all.reduce((sum, { interleavings }) => sum + interleavings, 0)
	const seconds = Math.round((performance.now() - startedMs) / 1000)
	const words =
		broken === 0
			? paint('green', 'Every promise was kept')
			: paint('red', `Promises were broken in ${broken}`)
	print(`\n${words}: ${total.toLocaleString('en')} interleavings, ${seconds} s.`)
	return broken === 0 ? 0 : 1
}

function toText({ scenario, deliveries, faults }: ExploreJob, explored: Explored): string {
	const { interleavings, states, failure } = explored
	const numbers = [interleavings, states].map((each) => each.toLocaleString('en'))
	const row = toRow([scenario, String(deliveries), String(faults), ...numbers])
	if (failure === null) return row
	return [
		row,
		...failure.violations.map((each) => paint('red', `  BROKEN: ${each}`)),
		'  after these steps:',
		...failure.steps.map((each) => `    ${each}`),
	].join('\n')
}

function toRow(cells: readonly string[]): string {
	return cells.map((cell, index) => (index === 0 ? cell.padEnd(48) : cell.padStart(14))).join('')
}

function print(text: string): void {
	process.stdout.write(`${text}\n`)
}
