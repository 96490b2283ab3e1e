import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { LocalFunction } from './function-process.ts'
import { listen, readAll } from './listen.ts'

/** The quota of an HTTP API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const MAX_BODY_BYTES = 10 * 1024 * 1024

export interface WebhookServer {
	url: string
	stop: () => Promise<void>
}

/** Stands for an HTTP API of API Gateway in front of one function, with payload format 2.0. */
export async function startWebhookServer(fn: LocalFunction, port?: number): Promise<WebhookServer> {
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const event = toEvent(request, await readAll(request, MAX_BODY_BYTES))
		const result = await fn.invoke(event, event.requestContext.requestId)
		response.setHeader('apigw-requestid', event.requestContext.requestId)
		if (!result.ok) {
			response
				.writeHead(500, { 'content-type': 'application/json' })
				.end('{"message":"Internal Server Error"}')
			return
		}
		const {
			statusCode = 200,
			headers = {},
			body = '',
			isBase64Encoded,
		} = result.value as APIGatewayProxyStructuredResultV2
		for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value))
		response.writeHead(statusCode).end(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
	}
	const server = createServer((request, response) => {
		answer(request, response).catch(() => response.writeHead(413).end())
	})
	const url = await listen(server, port)
	let closing: Promise<unknown> | undefined
	return {
		url,
		stop: async () => {
			closing ??= new Promise((resolve) => server.close(resolve))
			server.closeIdleConnections()
			await closing
		},
	}
}

function toEvent(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
	const { method = 'GET', url = '/', headers, socket } = request
	const [rawPath = '/', rawQueryString = ''] = url.split('?', 2)
	// The gateway passes text types as text, and everything else, forms included, as base64.
	const isText =
		isUtf8(body) && /^(text\/|application\/([\w.-]+\+)?(json|xml)\b)/.test(headers['content-type'] ?? '')
	const now = new Date()
	return {
		version: '2.0',
		routeKey: '$default',
		rawPath,
		rawQueryString,
		headers: Object.fromEntries(
			Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]),
		),
		requestContext: {
			accountId: '000000000000',
			apiId: 'local',
			domainName: headers.host ?? '',
			domainPrefix: 'local',
			http: {
				method,
				path: rawPath,
				protocol: 'HTTP/1.1',
				sourceIp: socket.remoteAddress ?? '',
				userAgent: headers['user-agent'] ?? '',
			},
			requestId: randomUUID(),
			routeKey: '$default',
			stage: '$default',
			time: now.toISOString(),
			timeEpoch: now.getTime(),
		},
		...(body.length === 0 ? {} : { body: body.toString(isText ? 'utf8' : 'base64') }),
		isBase64Encoded: body.length > 0 && !isText,
	}
}
