import { readFile } from 'node:fs/promises'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { buildFunctions } from '../build.ts'
import { readOptions, runCommand } from '../terminal/command-line.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { paint, tableHead, toOutcomeRow } from '../terminal/outcome-row.ts'
import { type Cloud, startCloud } from './cloud.ts'
import { readOutcomes } from './outcomes.ts'
import { isOutcomeOf, type SampleRequest, sendSample } from './send.ts'

const LIMIT_MS = 20_000

/** Deployed it is 120 minutes, and the first look is after 30 seconds; here it is after two. */
const ARRIVAL_SECONDS = 6

const HELP = `npm run demo [-- options]

Starts the product on this machine with a simulated NCP, sends the requests of
tools/local/requests.json, and prints each outcome as it reaches the topic. Needs no
account and no network. Ends by itself within ${LIMIT_MS / 1000} seconds.

  --verbose   also print what the functions log
  --help      this text

Exit code: 0 every request ends in the state it should end in, 1 otherwise, 2 for
a mistake in the command, 130 after Ctrl-C.`

const NEXT = `
"accepted" means that NCP took the request, "completed" that the file was seen in the bucket, and "missing" that it
was not there when the deadline passed: ${ARRIVAL_SECONDS} seconds here, two hours by default.
Next: "npm start" keeps all this running, with a webhook and a queue for requests of your own; in another terminal
"npm run ops -- --help" sends, watches, explains and brings back.`

await runCommand(async () => {
	const options = readOptions({ verbose: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } })
	if (!options.help) return runDemo(options.verbose ?? false)
	console.log(HELP)
	return 0
})

async function runDemo(isVerbose: boolean): Promise<number> {
	const interrupted = onInterrupt()
	const samples = JSON.parse(
		await readFile(new URL('requests.json', import.meta.url), 'utf8'),
	) as SampleRequest[]
	console.log('Starting queue, topic, table, bucket, simulated NCP and the built functions on 127.0.0.1 …')
	await buildFunctions()
	const cloud = await startCloud({
		arrivalDeadlineMinutes: ARRIVAL_SECONDS / 60,
		...(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {}),
	})
	const progress = trackOutcomes(samples)
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, progress.take)
	const sent = sendAll(cloud, samples, progress)
	// After Ctrl-C the cloud goes away under it; what it then says is of no use to anyone.
	sent.catch(() => undefined)
	try {
		const exitCode = await Promise.race([sent.then(() => progress.finished), interrupted])
		if (exitCode !== 130)
			console.log(
				`NCP was called ${cloud.ncp?.calls()} times and performed ${cloud.ncp?.performed.length} exports.\n${NEXT}`,
			)
		return exitCode
	} finally {
		await cloud.quiesce()
		await reader.stop()
		await cloud.stop()
	}
}

interface Progress {
	take: (event: OutcomeEvent) => void
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

/** Prints each outcome, and settles when every sample has its last one or the time is up. */
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
	setTimeout(finished.resolve, LIMIT_MS - 3_000).unref()

	// An outcome may arrive before the webhook has answered with the id that it is known by.
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
			unmatched.push(event)
			match()
		},
		onSent: (sample, triggerId) => {
			triggerIds.set(sample, triggerId)
			match()
		},
		finished: finished.promise.then(() => summarise(samples, states)),
	}
}

/** Says how it went and returns the exit code. */
function summarise(samples: SampleRequest[], states: ReadonlyMap<SampleRequest, string>): number {
	const wrong = samples.filter((sample) => states.get(sample) !== sample.expect)
	for (const sample of wrong) {
		const number = samples.indexOf(sample) + 1
		console.log(
			paint(
				'red',
				`\n${number}. ${sample.title}: ${states.get(sample) ?? 'no last outcome'}, not ${sample.expect}`,
			),
		)
	}
	if (wrong.length > 0)
		console.log('Run again with "npm run demo -- --verbose" to see what the functions log.')
	else console.log(`\n${samples.length} requests: each has ended in the state it should end in.`)
	return wrong.length === 0 ? 0 : 1
}
