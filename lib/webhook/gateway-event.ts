import { isRecord } from '../formats/json.ts'

export interface HttpRequest {
	method: string
	/** Without the stage's prefix and without the query. */
	path: string
	/** Names in lower case; several values of one name joined by a comma. */
	headers: Readonly<Record<string, string | undefined>>
	/** The body's bytes as they were sent. */
	body: Buffer
	/** The caller's address as the gateway saw it. Empty behind a load balancer, which only passes on what callers claim. */
	sourceIp: string
	/** True when the gateway itself has checked an IAM signature. */
	isIamChecked: boolean
	/** The gateway's own id of the request. */
	id: string
}

export interface HttpResponse {
	status: number
	headers: Record<string, string>
	body: string
}

/**
 * Reads events of an HTTP API or function URL (payload format 2.0), a REST API (1.0) or a load balancer, each recognised
 * by its own fields; null for any other event. `fallbackId` is used where the gateway gives the request no id.
 */
export function parseHttpEvent(event: unknown, fallbackId: string): HttpRequest | null {
	if (!isRecord(event) || !isRecord(event.requestContext)) return null
	const context = event.requestContext
	if (isRecord(context.http)) return parseHttpApi(event, context, context.http)
	if (typeof event.httpMethod !== 'string') return null
	if (isRecord(context.elb))
		return { ...parseVersion1(event), sourceIp: '', isIamChecked: false, id: fallbackId }
	return isRecord(context.identity) ? parseRestApi(event, context, context.identity) : null
}

type Fields = Record<string, unknown>

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function parseHttpApi(event: Fields, context: Fields, http: Fields): HttpRequest {
	const { authorizer } = context
	const stage = textOf(context.stage) || '$default'
	return {
		method: textOf(http.method),
		path: withoutPrefix(textOf(event.rawPath) || '/', stage === '$default' ? '' : `/${stage}`),
		headers: readHeaders(event.headers),
		body: toBytes(event),
		sourceIp: textOf(http.sourceIp),
		isIamChecked: isRecord(authorizer) && isRecord(authorizer.iam),
		id: textOf(context.requestId),
	}
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html */
function parseRestApi(event: Fields, context: Fields, identity: Fields): HttpRequest {
	return {
		...parseVersion1(event),
		sourceIp: textOf(identity.sourceIp),
		// Set only for a method whose authorization is AWS_IAM.
		isIamChecked: textOf(identity.userArn) !== '',
		id: textOf(context.requestId),
	}
}

/** What REST API (1.0) and load balancer share. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html */
function parseVersion1(event: Fields): Pick<HttpRequest, 'method' | 'path' | 'headers' | 'body'> {
	return {
		method: textOf(event.httpMethod),
		path: textOf(event.path) || '/',
		headers: { ...readHeaders(event.headers), ...readHeaders(event.multiValueHeaders) },
		body: toBytes(event),
	}
}

function textOf(value: unknown): string {
	return typeof value === 'string' ? value : ''
}

function withoutPrefix(path: string, prefix: string): string {
	return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
}

function readHeaders(headers: unknown): Record<string, string> {
	if (!isRecord(headers)) return {}
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [
			name.toLowerCase(),
			[value].flat().map(String).join(','),
		]),
	)
}

function toBytes({ body, isBase64Encoded }: Fields): Buffer {
	return Buffer.from(textOf(body), isBase64Encoded === true ? 'base64' : 'utf8')
}

/** Responses are data, not pages: they must not be cached or sniffed, and are sent over TLS only. */
const SECURITY_HEADERS = {
	'Cache-Control': 'no-store',
	'Strict-Transport-Security': 'max-age=15552000; includeSubDomains; preload',
	'X-Content-Type-Options': 'nosniff',
}

/** A response in the format of the gateway that sent `event`. A load balancer that sends lists of header values expects lists. */
export function toHttpResult({ status, headers, body }: HttpResponse, event: unknown): object {
	const all = { ...SECURITY_HEADERS, ...headers }
	const result = { statusCode: status, body, isBase64Encoded: false }
	if (!wantsLists(event)) return { ...result, headers: all }
	const lists = Object.entries(all).map(([name, value]) => [name, [value]])
	return { ...result, multiValueHeaders: Object.fromEntries(lists) }
}

function wantsLists(event: unknown): boolean {
	return (
		isRecord(event) &&
		isRecord(event.requestContext) &&
		isRecord(event.requestContext.elb) &&
		isRecord(event.multiValueHeaders)
	)
}
