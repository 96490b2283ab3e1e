import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'

export interface HttpRequest {
	method: string
	/** Without the stage's prefix and without the query. */
	path: string
	/** Names in lower case. */
	headers: Readonly<Record<string, string | undefined>>
	/** The body's bytes as they were sent. */
	body: Buffer
	/** Who called, as the gateway saw it. */
	sourceIp: string
	/** True when the gateway itself has checked an IAM signature. */
	isIamChecked: boolean
	id: string
}

export interface HttpResponse {
	status: number
	headers: Record<string, string>
	body: string
}

/** Payload format 2.0: HTTP API and function URL. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export function parseHttpEvent(event: APIGatewayProxyEventV2): HttpRequest {
	const { http, stage, requestId } = event.requestContext
	const prefix = stage === '$default' ? '' : `/${stage}`
	const path = event.rawPath.startsWith(`${prefix}/`) ? event.rawPath.slice(prefix.length) : event.rawPath
	const authorizer = (event.requestContext as { authorizer?: { iam?: unknown } }).authorizer
	return {
		method: http.method,
		path,
		headers: Object.fromEntries(
			Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]),
		),
		body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
		sourceIp: http.sourceIp,
		isIamChecked: typeof authorizer?.iam === 'object' && authorizer.iam !== null,
		id: requestId,
	}
}

export function toHttpResult({ status, headers, body }: HttpResponse): APIGatewayProxyStructuredResultV2 {
	return { statusCode: status, headers, body, isBase64Encoded: false }
}
