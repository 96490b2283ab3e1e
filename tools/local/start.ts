import { readBaseUrl } from '../../lib/url.ts'
import { buildFunctions } from '../build.ts'
import { removeLocalConnection, writeLocalConnection } from '../ops/connection.ts'
import { createProgram, runCommand, UsageError } from '../terminal/command-line.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { paint, tableHead, toOutcomeRow } from '../terminal/outcome-row.ts'
import { type Cloud, type NcpAccess, startCloud } from './cloud.ts'
import { readOutcomes } from './outcomes.ts'

const program = createProgram('npm start --')
	.addHelpText(
		'before',
		`npm start keeps the product running on this machine: a webhook, a queue, and each
outcome as it reaches the topic. NCP is simulated, unless NCP_ACCESS_KEY,
NCP_SECRET_KEY and NCP_API_URL are all set: then that API is called.
NCP_REGION_CODE, FOLDER_PATH, SHARED_DESTINATIONS, NCP_TIMEOUT_MS and LOG_LEVEL
are passed on to the functions. Ctrl-C ends it.
`,
	)
	.option('--port <number>', 'port of the webhook (default: a free port)', toPort)
	.option('--verbose', 'also print what the functions log')
	.helpOption('-h, --help', 'print this text')
	.addHelpText(
		'after',
		'\nExit code: 0 after Ctrl-C, 1 when it cannot start, 2 for a mistake in the command.',
	)

/** Deployed, the deadline is 120 minutes and the first check comes after 30 seconds; here after two. */
const ARRIVAL_SECONDS = 30

const PASSED_ON = ['NCP_REGION_CODE', 'FOLDER_PATH', 'SHARED_DESTINATIONS', 'NCP_TIMEOUT_MS', 'LOG_LEVEL']

/** An instance for each way that an export can end. */
const WORLD = `Simulated instances: 1234925 (files 20210528, 20210529, 20210530; arrives), 1234926 (20210528; busy at first),
1234927 (20210528; its reply is lost), 1234928 (20210601; never arrives); bucket my-bucket.

`

await runCommand(async () => {
	const { port = 0, verbose = false } = program.parse().opts<{ port?: number; verbose?: boolean }>()
	await start(port, verbose)
	return 0
})

async function start(webhookPort: number, isVerbose: boolean): Promise<void> {
	const interrupted = onInterrupt()
	const ncp = readNcpAccess(process.env)
	if (ncp === null) console.log('NCP is simulated: nothing leaves this machine.')
	else
		console.log(
			paint('yellow', `Calling ${ncp.apiUrl} with the key pair from the environment: exports are real.`),
		)
	await buildFunctions()
	const cloud = await startCloud({
		webhookPort,
		// A real API exports to a real bucket, which this machine does not read.
		...(ncp === null ? { arrivalDeadlineMinutes: ARRIVAL_SECONDS / 60 } : {}),
		env: Object.fromEntries(
			PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
		),
		onProblem: (text) => console.error(paint('red', text)),
		...(ncp === null ? {} : { ncp }),
		...(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {}),
	}).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'EADDRINUSE')
			throw new UsageError(`port ${webhookPort} is in use; choose another with --port`)
		throw error
	})
	await writeLocalConnection(cloud.connection)
	console.log(describe(cloud))
	const startedMs = Date.now()
	const ids = new Set<string>()
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event) => {
		console.log(toOutcomeRow(event, startedMs, '', ids.has(event.id)))
		ids.add(event.id)
	})
	await interrupted
	console.log('\nStopping …')
	await cloud.quiesce()
	await reader.stop()
	await removeLocalConnection(process.pid)
	await cloud.stop()
}

function readNcpAccess(env: NodeJS.ProcessEnv): NcpAccess | null {
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey, NCP_API_URL: text } = env
	if (accessKey && secretKey && text) {
		const problems: string[] = []
		const apiUrl = readBaseUrl(text, problems, 'NCP_API_URL')
		if (problems.length > 0) throw new UsageError(problems.join('; '))
		return { accessKey, secretKey, apiUrl }
	}
	const missing = ['NCP_ACCESS_KEY', 'NCP_SECRET_KEY', 'NCP_API_URL'].filter((name) => !env[name])
	if (missing.length < 3) console.log(`No real API is called: ${missing.join(' and ')} not set.`)
	return null
}

function toPort(text: string): number {
	if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
	throw new UsageError(`--port must be a whole number up to 65535, not "${text}"`)
}

function describe({ webhookUrl, requestQueue, deadLetterQueue, aws, ncp }: Cloud): string {
	const request = '{"cloudPostgresqlInstanceNo":"1234925","fileName":"20210528","bucketName":"my-bucket"}'
	return `
Webhook            ${webhookUrl}/exports
Request queue      ${requestQueue.url}
Dead-letter queue  ${deadLetterQueue.url}
${ncp === null ? '' : `Simulated NCP      ${ncp.url}\n`}
${ncp === null ? '' : WORLD}Send a request to either:

  curl -s ${webhookUrl}/exports -H 'content-type: application/json' \\
    -d '${request}'

  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws sqs send-message --region ${aws.region} \\
    --endpoint-url ${aws.endpoint} --queue-url ${requestQueue.url} \\
    --message-body '${request}'

In another terminal, "npm run ops -- doctor", "send", "status", "watch" and "dead-letters" work on this cloud; see
"npm run ops -- --help".

Outcomes appear below. Ctrl-C ends it.

${tableHead()}`
}
