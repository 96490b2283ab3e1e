import { readFile } from 'node:fs/promises'
import { buildFunctions } from '../build.ts'
import type { OutcomeEvent } from '../lib/outcome.ts'
import { type Cloud, startCloud } from './cloud.ts'
import { readOptions, runCommand } from './command-line.ts'
import { onInterrupt } from './interrupt.ts'
import { readOutcomes } from './outcomes.ts'
import { isOutcomeOf, type SampleRequest, sendSample } from './send.ts'
import { paint, tableHead, toOutcomeRow } from './table.ts'

const LIMIT_MS = 20_000

const HELP = `npm run demo [-- options]

Starts the product on this machine with a simulated NCP, sends the requests of
local/requests.json, and prints each outcome as it reaches the topic. Needs no
account and no network. Ends by itself within ${LIMIT_MS / 1000} seconds.

  --verbose   also print what the functions log
  --help      this text

Exit code: 0 every request has the outcome it should have, 1 otherwise, 2 for a
mistake in the command, 130 after Ctrl-C.`

const NEXT = `"accepted" means that NCP took the request; whether the file has arrived is not known from that.
Next: "npm start" keeps all this running, with a webhook and a queue for requests of your own.`

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
	const cloud = await startCloud(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {})
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
	/** Resolves once so many samples have their outcome. */
	reached: (count: number) => Promise<void>
	/** The exit code. */
	finished: Promise<number>
}

async function sendAll(cloud: Cloud, samples: SampleRequest[], progress: Progress): Promise<void> {
	for (const [index, sample] of samples.entries()) {
		if (sample.publishFailures !== undefined) {
			// Alone on the topic, so that it is its own outcome that fails.
			await progress.reached(index)
			cloud.aws.failPublishes(sample.publishFailures)
		}
		progress.onSent(sample, await sendSample(cloud, sample))
	}
}

/** Prints each outcome, and settles when every sample has one or the time is up. */
function trackOutcomes(samples: SampleRequest[]): Progress {
	for (const [index, { via, title }] of samples.entries())
		console.log(`  ${index + 1}. ${via.padEnd(8)} ${title}`)
	console.log(`\n${tableHead()}`)
	const startedMs = Date.now()
	const triggerIds = new Map<SampleRequest, string>()
	const unmatched: OutcomeEvent[] = []
	const states = new Map<SampleRequest, string>()
	const waiting: { count: number; resolve: () => void }[] = []
	const timeUp = Promise.withResolvers<void>()
	setTimeout(timeUp.resolve, LIMIT_MS - 3_000).unref()

	// An outcome may arrive before the webhook has answered with the id that it is known by.
	const match = (): void => {
		for (const event of unmatched.splice(0)) {
			const sample = samples.find(
				(each) => !states.has(each) && isOutcomeOf(event, each, triggerIds.get(each)),
			)
			if (sample === undefined) {
				unmatched.push(event)
				continue
			}
			states.set(sample, event.data.state)
			console.log(toOutcomeRow(event, startedMs, String(samples.indexOf(sample) + 1)))
		}
		for (const { count, resolve } of waiting) if (states.size >= count) resolve()
	}
	const reached = (count: number): Promise<void> => {
		const { promise, resolve } = Promise.withResolvers<void>()
		waiting.push({ count, resolve })
		match()
		return promise
	}
	return {
		reached,
		take: (event) => {
			unmatched.push(event)
			match()
		},
		onSent: (sample, triggerId) => {
			triggerIds.set(sample, triggerId)
			match()
		},
		finished: Promise.race([reached(samples.length), timeUp.promise]).then(() => summarise(samples, states)),
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
				`\n${number}. ${sample.title}: ${states.get(sample) ?? 'no outcome'}, not ${sample.expect}`,
			),
		)
	}
	if (wrong.length > 0)
		console.log('Run again with "npm run demo -- --verbose" to see what the functions log.')
	else
		console.log(
			`\n${samples.length} requests, ${states.size} outcomes: every request has the outcome it should have.`,
		)
	return wrong.length === 0 ? 0 : 1
}
