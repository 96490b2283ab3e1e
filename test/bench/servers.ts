import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from '../../tools/local/listen.ts'
import { ENVIRONMENT } from '../environment.ts'
import type { Counts, Delays, Question, Urls } from './stand-ins.ts'

/** The child process of the stand-ins: minimal NCP, SNS and DynamoDB servers that count what arrived. */
let counts = none()
let delays: Delays = { gatewayMs: 0, topicMs: 0 }

process.on('message', (question: Question) => {
	if (question.delays !== undefined) delays = question.delays
	process.send?.(counts)
	counts = none()
})
process.on('disconnect', () => process.exit())

const urls: Urls = {
	ncp: await listen(createServer((request, response) => read(request, response, answerNcp))),
	sns: await listen(createServer((request, response) => read(request, response, answerSns))),
	dynamodb: await listen(createServer((request, response) => read(request, response, answerDynamoDb))),
	sqs: await listen(createServer((request, response) => read(request, response, answerSqs))),
	secrets: await listen(createServer((request, response) => read(request, response, answerSecrets))),
}
process.send?.(urls)

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
	return { calls: 0, published: 0, writes: 0, checks: 0, secretReads: 0, publishMs: [], problems: [] }
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

function answerNcp({ method, url, headers }: IncomingMessage, body: string): Answer | null {
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
	if (headers['x-amz-target'] !== 'AmazonSQS.SendMessage') return null
	counts.checks++
	const { MessageBody } = JSON.parse(body) as { MessageBody: string }
	const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex')
	return {
		type: 'application/x-amz-json-1.0',
		body: JSON.stringify({ MessageId: 'm', MD5OfMessageBody }),
	}
}

function answerSecrets({ headers }: IncomingMessage): Answer | null {
	if (headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') return null
	counts.secretReads++
	const { NCP_ACCESS_KEY: accessKey, NCP_SECRET_KEY: secretKey } = ENVIRONMENT
	const SecretString = JSON.stringify({ accessKey, secretKey })
	return { type: 'application/x-amz-json-1.1', body: JSON.stringify({ SecretString }) }
}
