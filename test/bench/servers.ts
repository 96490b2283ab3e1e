import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import {
	createServer,
	type IncomingMessage,
	type RequestListener,
	type Server,
	type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server as TlsServer } from 'node:tls'
import { listen } from '../../tools/local/listen.ts'
import { createCertificates } from '../certificates.ts'
import { ENVIRONMENT } from '../environment.ts'
import type { Counts, Delays, Question, Started, Urls } from './stand-ins.ts'

/** The child process of the stand-ins: minimal NCP, SNS and DynamoDB servers that count what arrived. */
let counts = none()
let delays: Delays = { gatewayMs: 0, topicMs: 0 }

process.on('message', (question: Question) => {
	if (question.delays !== undefined) delays = question.delays
	process.send?.(counts)
	counts = none()
})
process.on('disconnect', () => process.exit())

const certificates = createCertificates()
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const rootPath = join(folder, 'root.pem')
writeFileSync(rootPath, certificates.root)
process.on('exit', () => rmSync(folder, { recursive: true }))

const ANSWERERS = {
	ncp: answerNcp,
	sns: answerSns,
	dynamodb: answerDynamoDb,
	sqs: answerSqs,
	secrets: answerSecrets,
	storage: answerStorage,
} as const

const started: Started = {
	plain: await startAll((listener) => createServer(listener)),
	// Session tickets are on, and TLS 1.3 as well as 1.2, as AWS's and NCP's ends have them.
	tls: await startAll((listener) =>
		createSecureServer({ key: certificates.key, cert: certificates.chain }, listener),
	),
	rootPath,
}
process.send?.(started)

async function startAll(create: (listener: RequestListener) => Server): Promise<Urls> {
	const urls = Object.entries(ANSWERERS).map(async ([name, answerer]) => {
		const server = create((request, response) => read(request, response, answerer))
		const { port, protocol } = new URL(await listen(server))
		return [
			name,
			server instanceof TlsServer ? `https://localhost:${port}` : `${protocol}//127.0.0.1:${port}`,
		]
	})
	return Object.fromEntries(await Promise.all(urls))
}

interface Answer {
	type: string
	body: string
	delayMs?: number
	/** Where to record how long it took. */
	took?: number[]
}

/** Null for an unknown call: the variant is broken then, and its figures would be wrong. */
type Answerer = (request: IncomingMessage, body: string) => Answer | null

function none(): Counts {
	return {
		calls: 0,
		published: 0,
		writes: 0,
		checks: 0,
		secretReads: 0,
		lists: 0,
		publishMs: [],
		problems: [],
	}
}

function read(request: IncomingMessage, response: ServerResponse, toAnswer: Answerer): void {
	let text = ''
	request.setEncoding('utf8')
	request.on('data', (chunk: string) => {
		text += chunk
	})
	request.on('end', () => send(response, toAnswer(request, text) ?? refuse(request)))
}

function send(response: ServerResponse, { type, body, delayMs = 0, took }: Answer): void {
	const startedMs = performance.now()
	const write = (): void => {
		took?.push(performance.now() - startedMs)
		response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
	}
	if (delayMs === 0) write()
	else setTimeout(write, delayMs)
}

function refuse({ method, url, headers }: IncomingMessage): Answer {
	counts.problems.push(`${method} ${url} ${headers['x-amz-target'] ?? ''}`)
	return { type: 'text/plain', body: 'not understood' }
}

const NCP_ANSWER = `<?xml version="1.0" encoding="UTF-8"?>
<exportBackupToObjectStorageResponse>
  <requestId>5ee6cf1a-0000-4000-8000-000000000000</requestId>
  <returnCode>0</returnCode>
  <returnMessage>success</returnMessage>
</exportBackupToObjectStorageResponse>`

/** Three backups of any instance, and their copies in its folder: nothing is due. */
const FILES = ['20210528', '20210529', '20210530'] as const
const BACKUPS = JSON.stringify({
	getCloudPostgresqlBackupDetailListResponse: {
		returnCode: '0',
		totalRows: FILES.length,
		cloudPostgresqlBackupDetailList: FILES.map((fileName) => ({
			fileName,
			startTime: '2021-05-28T02:00:00+0900',
			endTime: '2021-05-28T02:10:00+0900',
			backupSize: 571_482_767,
		})),
	},
})

function answerStorage({ url }: IncomingMessage): Answer {
	const prefix = new URL(url ?? '/', 'http://storage').searchParams.get('prefix') ?? ''
	const contents = FILES.map(
		(name) =>
			`<Contents><Key>${prefix}${name}</Key><LastModified>2021-06-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>`,
	)
	const body = `<ListBucketResult><Name>my-bucket</Name><Prefix>${prefix}</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`
	return { type: 'application/xml', body }
}

function answerNcp({ method, url, headers }: IncomingMessage, body: string): Answer | null {
	if (url === '/vpostgresql/v2/getCloudPostgresqlBackupDetailList') {
		counts.lists++
		return { type: 'application/json', body: BACKUPS }
	}
	const [path, query = body] = (url ?? '').split('?')
	const signed = `${method} ${url}\n${headers['x-ncp-apigw-timestamp']}\n${ENVIRONMENT.NCP_ACCESS_KEY}`
	const signature = createHmac('sha256', ENVIRONMENT.NCP_SECRET_KEY).update(signed).digest('base64')
	if (path !== '/vpostgresql/v2/exportBackupToObjectStorage' || !/(^|&)fileName=/.test(query)) return null
	if (headers['x-ncp-apigw-signature-v2'] !== signature) return null
	counts.calls++
	return {
		type: 'application/xml;charset=UTF-8',
		body: NCP_ANSWER,
		delayMs: delays.gatewayMs,
	}
}

function answerSns(_request: IncomingMessage, body: string): Answer | null {
	const ids = [...body.matchAll(/&PublishBatchRequestEntries\.member\.\d+\.Id=([^&]+)/g)].map(([, id]) => id)
	const action = /(?:^|&)Action=(Publish|PublishBatch)(?:&|$)/.exec(body)?.[1]
	if (action === undefined || (action === 'PublishBatch' && ids.length === 0)) return null
	counts.published += action === 'Publish' ? 1 : ids.length
	const result =
		action === 'Publish'
			? '<MessageId>m</MessageId>'
			: `<Failed/><Successful>${ids.map((id) => `<member><Id>${id}</Id><MessageId>m</MessageId></member>`).join('')}</Successful>`
	return {
		type: 'text/xml',
		body: `<${action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`,
		delayMs: delays.topicMs,
		took: counts.publishMs,
	}
}

function answerDynamoDb({ headers }: IncomingMessage): Answer | null {
	const action = String(headers['x-amz-target']).replace(/^DynamoDB_20120810\./, '')
	if (!/^(Get|Put|Update)Item$/.test(action)) return null
	if (action !== 'GetItem') counts.writes++
	return { type: 'application/x-amz-json-1.0', body: '{}' }
}

/** The SDK verifies the digest. */
function answerSqs({ headers }: IncomingMessage, body: string): Answer | null {
	const { MessageBody = '', Entries = [] } = JSON.parse(body) as {
		MessageBody?: string
		Entries?: { Id: string; MessageBody: string }[]
	}
	const toResult = (text: string) => ({
		MessageId: 'm',
		MD5OfMessageBody: createHash('md5').update(text).digest('hex'),
	})
	const type = 'application/x-amz-json-1.0'
	switch (headers['x-amz-target']) {
		case 'AmazonSQS.SendMessage':
			counts.checks++
			return { type, body: JSON.stringify(toResult(MessageBody)) }
		case 'AmazonSQS.SendMessageBatch': {
			counts.checks += Entries.length
			const Successful = Entries.map((entry) => ({ Id: entry.Id, ...toResult(entry.MessageBody) }))
			return { type, body: JSON.stringify({ Successful, Failed: [] }) }
		}
		default:
			return null
	}
}

function answerSecrets({ headers }: IncomingMessage): Answer | null {
	if (headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') return null
	counts.secretReads++
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey } = ENVIRONMENT
	const SecretString = JSON.stringify({ accessKey, secretKey })
	return { type: 'application/x-amz-json-1.1', body: JSON.stringify({ SecretString }) }
}
