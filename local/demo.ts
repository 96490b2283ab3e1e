import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { OutcomeEvent } from '../lib/outcome.ts'
import { type Cloud, startCloud } from './cloud.ts'
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

Exit code: 0 every request has its outcome, 1 otherwise, 130 after Ctrl-C.`

const { values } = parseArgs({
	options: { verbose: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) console.log(HELP)
else process.exitCode = await runDemo(values.verbose ?? false)

async function runDemo(isVerbose: boolean): Promise<number> {
	const samples = JSON.parse(
		await readFile(new URL('requests.json', import.meta.url), 'utf8'),
	) as SampleRequest[]
	const interrupted = onInterrupt().then(() => 130)
	console.log('Starting queue, topic, bucket, simulated NCP and the built functions on 127.0.0.1 …')
	const cloud = await startCloud(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {})
	const progress = trackOutcomes(samples)
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, progress.take)
	const sent = sendAll(cloud, samples, progress.sent)
	// After Ctrl-C the cloud goes away under it; what it then says is of no use to anyone.
	sent.catch(() => undefined)
	try {
		return await Promise.race([sent.then(() => progress.exitCode), interrupted])
	} finally {
		await reader.stop()
		await cloud.stop()
	}
}

async function sendAll(
	cloud: Cloud,
	samples: SampleRequest[],
	onSent: (sample: SampleRequest, triggerId: string) => void,
): Promise<void> {
	for (const sample of samples) onSent(sample, await sendSample(cloud, sample))
}

/** Prints each outcome, and settles when every sample has one or the time is up. */
function trackOutcomes(samples: SampleRequest[]) {
	for (const [index, { via, title }] of samples.entries())
		console.log(`  ${index + 1}. ${via.padEnd(8)} ${title}`)
	console.log(`\n${tableHead()}`)
	const startedMs = Date.now()
	const triggerIds = new Map<SampleRequest, string>()
	const unmatched: OutcomeEvent[] = []
	const states = new Map<SampleRequest, string>()
	const finished = Promise.withResolvers<void>()
	const timer = setTimeout(finished.resolve, LIMIT_MS - 3_000).unref()
	// An outcome may arrive before the webhook has answered with the id that it is known by.
	const match = (): void => {
		for (const event of unmatched.splice(0)) {
			const sample = samples.find(
				(each) => !states.has(each) && isOutcomeOf(event, each, triggerIds.get(each)),
			)
			if (sample === undefined) unmatched.push(event)
			else states.set(sample, event.data.state)
		}
		if (states.size === samples.length) finished.resolve()
	}
	const take = (event: OutcomeEvent): void => {
		console.log(toOutcomeRow(event, startedMs))
		unmatched.push(event)
		match()
	}
	const sent = (sample: SampleRequest, triggerId: string): void => {
		triggerIds.set(sample, triggerId)
		match()
	}
	const exitCode = finished.promise.then(() => {
		clearTimeout(timer)
		console.log(summarise(samples, states))
		return states.size === samples.length ? 0 : 1
	})
	return { take, sent, exitCode }
}

function summarise(samples: SampleRequest[], states: ReadonlyMap<SampleRequest, string>): string {
	const missing = samples.filter((sample) => !states.has(sample))
	if (missing.length > 0) {
		const titles = missing.map(({ title }) => `  - ${title}`).join('\n')
		return `\n${paint('red', 'No outcome for:')}\n${titles}\nRun again with "npm run demo -- --verbose" to see what the functions log.`
	}
	return [
		`\n${samples.length} requests, ${states.size} outcomes: every request has its outcome.`,
		'"accepted" means that NCP took the request; whether the file has arrived is not known from that.',
		'Next: "npm start" keeps all this running, with a webhook and a queue for requests of your own.',
	].join('\n')
}
