import { readFile } from 'node:fs/promises'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type ApiRequest, fromApiRequest } from '../../lib/request/export-request.ts'
import { buildFunctions } from '../build.ts'
import { createProgram, runCommand } from '../terminal/command-line.ts'
import { count } from '../terminal/count.ts'
import { isCoverageEvent, type PublishedEvent } from '../terminal/coverage-row.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { paint, tableHead, toOutcomeRow } from '../terminal/outcome-row.ts'
import { type Cloud, INSTANCES, startCloud } from './cloud.ts'
import { createDemoSweep } from './demo-sweep.ts'
import type { Instance } from './ncp-simulator.ts'
import { readOutcomes } from './outcomes.ts'
import { isOutcomeOf, type SampleRequest, sendSample } from './send.ts'
import { createSweeper } from './sweep.ts'

/** For the requests, and for the sweep after them. */
const LIMITS_MS = { requests: 17_000, sweep: 10_000 }

/** Its backups are in no request. */
const FORGOTTEN: [string, Instance] = [
	'1234929',
	{ regionCode: 'KR', backups: new Set(['20210601', '20210602']) },
]

/** Deployed, the deadline is 120 minutes and the first check comes after 30 seconds; here after two. */
const ARRIVAL_SECONDS = 6

const program = createProgram('npm run demo --')
	.addHelpText(
		'before',
		`npm run demo starts the product on this machine with a simulated NCP, sends the
requests of tools/local/requests.json, and prints each outcome as it reaches the
topic. Then it sweeps a coverage policy, which finds the backups that no request
named. Needs no account and no network. Ends by itself within 30 seconds.
`,
	)
	.option('--verbose', 'also print what the functions log')
	.helpOption('-h, --help', 'print this text')
	.addHelpText(
		'after',
		`
Exit code: 0 when every request and every backup ends in the expected state, 1
otherwise, 2 for a mistake in the command, 130 after Ctrl-C.`,
	)

const NEXT = `
"accepted": NCP took the request. "completed": the file was found in the bucket. "missing": the file was not there at
the deadline, which is ${ARRIVAL_SECONDS} seconds here and two hours by default.
Next: "npm start" keeps all of this running, with a webhook and a queue for your own requests. In another terminal,
"npm run ops -- --help" lists the commands that send requests, show outcomes and redrive dead letters.`

await runCommand(() => runDemo(program.parse().opts<{ verbose?: boolean }>()))

async function runDemo({ verbose = false }): Promise<number> {
	const interrupted = onInterrupt()
	const samples = JSON.parse(
		await readFile(new URL('requests.json', import.meta.url), 'utf8'),
	) as SampleRequest[]
	console.log('Starting queue, topic, table, bucket, simulated NCP and the built functions on 127.0.0.1 …')
	await buildFunctions()
	const cloud = await startCloud({
		arrivalDeadlineMinutes: ARRIVAL_SECONDS / 60,
		simulator: { instances: new Map([...INSTANCES, FORGOTTEN]) },
		...(verbose ? { onLine: (line) => console.log(paint('dim', line)) } : {}),
	})
	const { coverageFunction } = cloud
	if (coverageFunction === null) throw new Error('coverage checks are on whenever arrival checks are')
	const sweeper = createSweeper(coverageFunction)
	const sweep = createDemoSweep(sweeper)
	const progress = trackOutcomes(samples)
	const take = (event: PublishedEvent): void => {
		if (isCoverageEvent(event)) sweeper.take(event)
		else if (!progress.take(event)) sweep.take(event)
	}
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, take)
	const stopping = new AbortController()
	const show = async (): Promise<number> => {
		await sendAll(cloud, samples, progress)
		const exitCode = await progress.finished
		if (exitCode !== 0) return exitCode
		const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LIMITS_MS.sweep)])
		return sweep.run(lostOf(samples), signal).then(
			(isRight) => (isRight ? 0 : 1),
			(error: Error) => {
				if (!stopping.signal.aborted) console.log(paint('red', error.message))
				return 1
			},
		)
	}
	const shown = show()
	// After Ctrl-C the cloud stops under it, and its errors mean nothing.
	shown.catch(() => undefined)
	try {
		const exitCode = await Promise.race([shown, interrupted])
		if (exitCode !== 130) console.log(`${summariseNcp(cloud)}\n${NEXT}`)
		return exitCode
	} finally {
		stopping.abort()
		await cloud.quiesce()
		await reader.stop()
		await cloud.stop()
	}
}

/** The backups that are asked for and never arrive, as `{instance}/{file}`. */
function lostOf(samples: readonly SampleRequest[]): string[] {
	return samples
		.filter(({ expect }) => expect === 'missing')
		.map(({ body = {} }) => fromApiRequest(body as ApiRequest))
		.map(({ instanceNo, fileName }) => `${instanceNo}/${fileName}`)
}

function summariseNcp({ ncp }: Cloud): string {
	const calls = count(ncp?.calls() ?? 0, 'call')
	return `NCP received ${calls} and performed ${count(ncp?.performed.length ?? 0, 'export')}.`
}

interface Progress {
	/** False when it is of no sample, once all have ended. */
	take: (event: OutcomeEvent) => boolean
	onSent: (sample: SampleRequest, triggerId: string) => void
	/** The exit code. */
	finished: Promise<number>
}

async function sendAll(cloud: Cloud, samples: SampleRequest[], progress: Progress): Promise<void> {
	for (const sample of samples) {
		if (sample.publishFailures !== undefined) {
			cloud.aws.failPublishes(sample.publishFailures, String(sample.body?.fileName))
		}
		progress.onSent(sample, await sendSample(cloud, sample))
	}
}

/** Prints each outcome. `finished` resolves when every sample has its terminal outcome, or at the time limit. */
function trackOutcomes(samples: SampleRequest[]): Progress {
	for (const [index, { via, title }] of samples.entries()) {
		console.log(`  ${String(index + 1).padStart(2)}. ${via.padEnd(8)} ${title}`)
	}
	console.log(`\n${tableHead()}`)
	const startedMs = Date.now()
	const triggerIds = new Map<SampleRequest, string>()
	const unmatched: OutcomeEvent[] = []
	const ids = new Set<string>()
	const states = new Map<SampleRequest, string>()
	const finished = Promise.withResolvers<void>()
	setTimeout(finished.resolve, LIMITS_MS.requests).unref()

	// An outcome may arrive before the webhook's response, which carries the id that it is matched by.
	const match = (): void => {
		for (const event of unmatched.splice(0)) {
			const matching = samples.filter((each) => isOutcomeOf(event, each, triggerIds.get(each)))
			if (matching.length === 0) {
				unmatched.push(event)
				continue
			}
			const numbers = matching.map((sample) => samples.indexOf(sample) + 1)
			console.log(toOutcomeRow(event, startedMs, numbers.join(), ids.has(event.id)))
			ids.add(event.id)
			if (event.data.terminal) for (const sample of matching) states.set(sample, event.data.state)
		}
		if (states.size === samples.length) finished.resolve()
	}
	return {
		take: (event) => {
			const isOver = states.size === samples.length
			if (isOver && !samples.some((each) => isOutcomeOf(event, each, triggerIds.get(each)))) return false
			unmatched.push(event)
			match()
			return true
		},
		onSent: (sample, triggerId) => {
			triggerIds.set(sample, triggerId)
			match()
		},
		finished: finished.promise.then(() => summarise(samples, states)),
	}
}

/** Prints the samples that ended in an unexpected state, and returns the exit code. */
function summarise(samples: SampleRequest[], states: ReadonlyMap<SampleRequest, string>): number {
	const wrong = samples.filter((sample) => states.get(sample) !== sample.expect)
	for (const sample of wrong) {
		const number = samples.indexOf(sample) + 1
		console.log(
			paint(
				'red',
				`\n${number}. ${sample.title}: ${states.get(sample) ?? 'no terminal outcome'}, expected ${sample.expect}`,
			),
		)
	}
	if (wrong.length > 0)
		console.log('Run again with "npm run demo -- --verbose" to see what the functions log.')
	else console.log(`\nAll ${samples.length} requests ended in the expected state.`)
	return wrong.length === 0 ? 0 : 1
}
