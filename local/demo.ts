import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Cloud, startCloud } from './cloud.ts'
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
	console.log(`Starting queue, topic, bucket, simulated NCP and the built functions on 127.0.0.1 …`)
	const cloud = await startCloud(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {})
	const stopped = Promise.withResolvers<number>()
	process.once('SIGINT', () => stopped.resolve(130))
	try {
		return await Promise.race([showOutcomes(cloud, samples), stopped.promise])
	} finally {
		await cloud.stop()
	}
}

async function showOutcomes(cloud: Cloud, samples: SampleRequest[]): Promise<number> {
	for (const [index, { via, title }] of samples.entries())
		console.log(`  ${index + 1}. ${via.padEnd(8)} ${title}`)
	console.log(`\n${tableHead()}`)
	const startedMs = Date.now()
	const triggerIds: (string | undefined)[] = []
	const states = new Map<SampleRequest, string>()
	const finished = Promise.withResolvers<boolean>()
	const timer = setTimeout(finished.resolve, LIMIT_MS - 3_000, false)
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event) => {
		console.log(toOutcomeRow(event, startedMs))
		const sample = samples.find(
			(each, index) => !states.has(each) && isOutcomeOf(event, each, triggerIds[index]),
		)
		if (sample !== undefined) states.set(sample, event.data.state)
		if (states.size === samples.length) finished.resolve(true)
	})
	for (const [index, sample] of samples.entries()) triggerIds[index] = await sendSample(cloud, sample)
	const isComplete = await finished.promise
	clearTimeout(timer)
	await reader.stop()
	console.log(summarise(samples, states))
	return isComplete ? 0 : 1
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
