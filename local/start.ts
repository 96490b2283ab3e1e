import { parseArgs } from 'node:util'
import { type Cloud, type NcpAccess, startCloud } from './cloud.ts'
import { onInterrupt } from './interrupt.ts'
import { readOutcomes } from './outcomes.ts'
import { paint, tableHead, toOutcomeRow } from './table.ts'

const HELP = `npm start [-- options]

Keeps the product running on this machine: a webhook, a queue, and each outcome
as it reaches the topic. NCP is simulated, unless NCP_ACCESS_KEY, NCP_SECRET_KEY
and NCP_API_URL are all set: then that API is called. Ctrl-C ends it.

  --port N    port of the webhook (default: a free one)
  --verbose   also print what the functions log
  --help      this text`

const { values } = parseArgs({
	options: { port: { type: 'string' }, verbose: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) console.log(HELP)
else await start(readPort(values.port), values.verbose ?? false)

async function start(webhookPort: number, isVerbose: boolean): Promise<void> {
	const interrupted = onInterrupt()
	const ncp = readNcpAccess()
	if (ncp !== null)
		console.log(
			paint('yellow', `Calling ${ncp.apiUrl} with the key pair of the environment: exports are real.`),
		)
	else console.log('NCP is simulated: nothing leaves this machine.')
	const cloud = await startCloud({
		webhookPort,
		...(ncp === null ? {} : { ncp }),
		...(isVerbose ? { onLine: (line) => console.log(paint('dim', line)) } : {}),
	})
	console.log(describe(cloud))
	const startedMs = Date.now()
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event) =>
		console.log(toOutcomeRow(event, startedMs)),
	)
	await interrupted
	console.log('\nStopping …')
	await reader.stop()
	await cloud.stop()
}

function readNcpAccess(): NcpAccess | null {
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey, NCP_API_URL: apiUrl } = process.env
	return accessKey && secretKey && apiUrl ? { accessKey, secretKey, apiUrl } : null
}

function readPort(text = '0'): number {
	const port = Number(text)
	if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
	console.error(`--port must be a whole number up to 65535, not "${text}"`)
	process.exit(2)
}

function describe({ webhookUrl, requestQueue, aws, ncp }: Cloud): string {
	const request = '{"cloudPostgresqlInstanceNo":"1234925","fileName":"20210528","bucketName":"my-bucket"}'
	return `
Webhook        ${webhookUrl}/exports
Request queue  ${requestQueue.url}
${ncp === null ? '' : `Simulated NCP  ${ncp.url}\n`}
Send a request to either:

  curl -s ${webhookUrl}/exports -H 'content-type: application/json' \\
    -d '${request}'

  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws sqs send-message --region ${aws.region} \\
    --endpoint-url ${aws.endpoint} --queue-url ${requestQueue.url} \\
    --message-body '${request}'

Outcomes appear below; Ctrl-C ends it.

${tableHead()}`
}
