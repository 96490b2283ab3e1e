import { setTimeout as sleep } from 'node:timers/promises'
import { Option } from 'commander'
import { readBaseUrl } from '../../lib/url.ts'
import { buildFunctions } from '../build.ts'
import { LOCAL_CLOUD_FILE } from '../ops/connection.ts'
import { OpsError } from '../ops/ops-error.ts'
import { createProgram, runCommand, UsageError } from '../terminal/command-line.ts'
import { isCoverageEvent, type PublishedEvent, toPublishedRow } from '../terminal/coverage-row.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { paint, tableHead } from '../terminal/outcome-row.ts'
import { claimFile, type FileClaim, FileTaken } from './claim-file.ts'
import { type Cloud, INSTANCES, type NcpAccess, START_ARRIVAL_SECONDS, startCloud } from './cloud.ts'
import { prepareConsole } from './console/open-console.ts'
import { readOutcomes } from './outcomes.ts'
import { createWebhookSecret, toSignedCall } from './signed-call.ts'
import { createSweeper, LOCAL_POLICY_TEXT, type Sweeper, toSweepText } from './sweep.ts'

const program = createProgram('npm start --')
	.addHelpText(
		'before',
		`npm start keeps the product running on this machine: a webhook, a queue, and each
outcome as it reaches the topic. NCP is simulated, unless NCP_ACCESS_KEY,
NCP_SECRET_KEY and NCP_API_URL are all set: then that API is called.
NCP_REGION_CODE, FOLDER_PATH, SHARED_DESTINATIONS, NCP_TIMEOUT_MS and LOG_LEVEL
are passed on to the functions. Ctrl-C ends it.

With the simulator, the webhook takes unsigned calls. With a real API, or with
--signed, each call must be signed with a secret that is made and printed at
start; --unsigned switches that off. The queue is open to every program on this
machine.

With the simulator, a coverage policy is swept every 20 seconds: backups that are
not in the bucket are exported without being asked for, and a line says how many
there are. --no-coverage switches it off.

The console is a page for your browser that shows each request move, and breaks
things on purpose. Only the URL that is printed opens it. See docs/console.md.

One can run at a time: "npm run ops" finds it by a file. For a second one, set
LOCAL_CLOUD_FILE to another path, here and for its "npm run ops".
`,
	)
	.option('--port <number>', 'port of the webhook (default: a free port)', toPort)
	.addOption(new Option('--signed', 'the webhook refuses unsigned calls').conflicts('unsigned'))
	.option('--unsigned', 'the webhook takes unsigned calls, even with a real API')
	.option('--no-coverage', 'sweep no policy: only what is asked for is exported')
	.option('--verbose', 'also print what the functions log')
	.helpOption('-h, --help', 'print this text')
	.addHelpText(
		'after',
		'\nExit code: 0 after Ctrl-C, 1 when it cannot start, 2 for a mistake in the command.',
	)

const PASSED_ON = ['NCP_REGION_CODE', 'FOLDER_PATH', 'SHARED_DESTINATIONS', 'NCP_TIMEOUT_MS', 'LOG_LEVEL']

const SWEEP_MS = 20_000

/** The instance with a backup a day, where a day lasts a minute. */
const DAILY = '1234929'

const WORLD = `Simulated instances: 1234925 (files 20210528, 20210529, 20210530; arrives), 1234926 (20210528; busy at first),
1234927 (20210528; its reply is lost), 1234928 (20210601; never arrives), ${DAILY} (a new file every minute, as if a day
had passed, for seven minutes), MySQL 2234925 (20210528), MongoDB 3234925 (668583966f0a), Cache 4234925
(cache-20210528, SYSTEM or MANUAL); bucket my-bucket.

`

const SWEPT = `
A policy (${LOCAL_POLICY_TEXT}) is swept every ${SWEEP_MS / 1000} seconds. What is not in its folder is
exported, as if you had asked for it; --no-coverage switches it off.
`

/** Two backups are there at the start, and one is running. */
function toWorld(nowMs: number) {
	const daily = { firstMs: nowMs - 125_000, dayMs: 60_000, retentionDays: 7, minutesRunning: 1 / 4 }
	return new Map([...INSTANCES, [DAILY, { regionCode: 'KR', backups: new Set<string>(), daily }]])
}

interface StartOptions {
	port?: number
	signed?: boolean
	unsigned?: boolean
	coverage: boolean
	verbose?: boolean
}

await runCommand(
	async () => {
		await start(program.parse().opts<StartOptions>())
		return 0
	},
	(error) => (error instanceof OpsError ? error.message : error),
)

async function start(options: StartOptions): Promise<void> {
	const { port: webhookPort = 0, signed = false, unsigned = false, verbose = false, coverage } = options
	const interrupted = onInterrupt()
	const ncp = readNcpAccess(process.env)
	const secret = signed || (ncp !== null && !unsigned) ? createWebhookSecret() : null
	console.log(introduce(ncp, secret !== null))
	await using file = await claimConnectionFile()
	await buildFunctions()
	const page = prepareConsole({ instances: ncp === null ? toWorld(Date.now()) : null })
	const cloud = await startCloud({
		webhookPort,
		...page.cloudOptions,
		// A real API exports to a real bucket, which this machine does not read.
		...(ncp === null ? { arrivalDeadlineMinutes: START_ARRIVAL_SECONDS / 60 } : {}),
		env: {
			...Object.fromEntries(
				PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
			),
			...(secret === null ? {} : { WEBHOOK_AUTH: 'signature', WEBHOOK_SECRETS: secret }),
		},
		onProblem: (text) => console.error(paint('red', text)),
		...(ncp === null ? {} : { ncp }),
		onLine: (line) => {
			page.cloudOptions.onLine?.(line)
			if (verbose) console.log(paint('dim', line))
		},
	}).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'EADDRINUSE')
			throw new UsageError(`port ${webhookPort} is in use; choose another with --port`)
		throw error
	})
	await file.write(cloud.connection)
	const { coverageFunction } = cloud
	const sweeper = coverage && coverageFunction !== null ? createSweeper(coverageFunction) : null
	const sweeps = sweeper === null ? null : createSweeps(sweeper)
	const opened = await page.open(cloud, { webhookSecret: secret, onTimePassed: () => sweeps?.sweepSoon() })
	console.log(describe(cloud, secret, sweeper !== null, opened.url))
	const startedMs = Date.now()
	const ids = new Set<string>()
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event: PublishedEvent) => {
		page.takeEvent(event)
		if (isCoverageEvent(event) && sweeper?.take(event)) return
		console.log(toPublishedRow(event, startedMs, ids.has(event.id)))
		ids.add(event.id)
	})
	const stopping = new AbortController()
	const sweeping = sweeps?.run(stopping.signal)
	await interrupted
	console.log('\nStopping …')
	stopping.abort()
	await opened.stop()
	await sweeping
	await cloud.quiesce()
	await reader.stop()
	await file.release()
	await cloud.stop()
}

/** Sweeps again and again, and prints a sweep when it differs from the one before. */
function createSweeps(sweeper: Sweeper) {
	let isDue = false
	let waiting = new AbortController()
	const pause = async (stopping: AbortSignal): Promise<void> => {
		waiting = new AbortController()
		const signal = AbortSignal.any([stopping, waiting.signal])
		if (!isDue) await sleep(SWEEP_MS, undefined, { signal }).catch(() => undefined)
		isDue = false
	}
	return {
		/** At once, or right after the sweep that is running. */
		sweepSoon: () => {
			isDue = true
			waiting.abort()
		},
		run: async (stopping: AbortSignal): Promise<void> => {
			let shown = ''
			while (!stopping.aborted) {
				const signal = AbortSignal.any([stopping, AbortSignal.timeout(SWEEP_MS)])
				const text = await sweeper
					.sweep(signal)
					.then(toSweepText, (error: Error) => `Coverage: ${error.message}`)
				if (text !== shown && !stopping.aborted) console.log(paint('bold', text))
				shown = text
				await pause(stopping)
			}
		},
	}
}

/** Released when the cloud cannot start, too. Throws `OpsError` when another local cloud is running. */
async function claimConnectionFile(): Promise<FileClaim & AsyncDisposable> {
	const claim = await claimFile(LOCAL_CLOUD_FILE).catch((error) => {
		if (!(error instanceof FileTaken)) throw error
		throw new OpsError(
			`A local cloud is running already, as process ${error.pid}. End it with Ctrl-C or "kill ${error.pid}", or start this one ` +
				`with LOCAL_CLOUD_FILE set to another path. If that process is something else, delete ${LOCAL_CLOUD_FILE}.`,
		)
	})
	return { ...claim, [Symbol.asyncDispose]: claim.release }
}

function introduce(ncp: NcpAccess | null, isSigned: boolean): string {
	if (ncp === null) return 'NCP is simulated: nothing leaves this machine.'
	const calling = `Calling ${ncp.apiUrl} with the key pair from the environment: exports are real.`
	const webhook = isSigned
		? 'So the webhook refuses unsigned calls; --unsigned switches that off.'
		: 'The webhook takes unsigned calls: every program on this machine can export.'
	return paint('yellow', `${calling}\n${webhook}`)
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

function describe(cloud: Cloud, secret: string | null, isSwept: boolean, consoleUrl: string): string {
	const { webhookUrl, requestQueue, deadLetterQueue, aws, ncp } = cloud
	const request = '{"cloudPostgresqlInstanceNo":"1234925","fileName":"20210528","bucketName":"my-bucket"}'
	return `
Console            ${consoleUrl}
Webhook            ${webhookUrl}/exports
${secret === null ? '' : `Webhook secret     ${secret}\n`}Request queue      ${requestQueue.url}
Dead-letter queue  ${deadLetterQueue.url}
${ncp === null ? '' : `Simulated NCP      ${ncp.url}\n`}
${ncp === null ? '' : WORLD}Send a request to either:

${secret === null ? toUnsignedCall(webhookUrl, request) : toSigned(webhookUrl, secret)}

  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws sqs send-message --region ${aws.region} \\
    --endpoint-url ${aws.endpoint} --queue-url ${requestQueue.url} \\
    --message-body '${request}'

In another terminal, "npm run ops -- doctor", "send", "status", "watch", "coverage" and "dead-letters" work on this
cloud; see "npm run ops -- --help".
${isSwept ? SWEPT : ''}
Outcomes appear below. Ctrl-C ends it.

${tableHead()}`
}

function toUnsignedCall(webhookUrl: string, request: string): string {
	return `  curl -s ${webhookUrl}/exports -H 'content-type: application/json' \\
    -d '${request}'`
}

function toSigned(webhookUrl: string, secret: string): string {
	return `${toSignedCall(webhookUrl, secret).replace(/^/gm, '  ')}

  These lines sign anew each time they are pasted; a signature is valid for five minutes. Unsigned calls get 401.`
}
