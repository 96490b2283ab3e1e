import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { isRecord } from '../export-request.ts'

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

/**
 * Payload format 2.0: HTTP API and function URL. Returns null for any other event.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function parseHttpEvent(event: APIGatewayProxyEventV2): HttpRequest | null {
	if (!isRecord(event) || !isRecord(event.requestContext) || !isRecord(event.requestContext.http)) return null
	const { http, stage = '$default', requestId, authorizer } = event.requestContext as RequestContext
	const { rawPath = '/', headers = {}, body, isBase64Encoded } = event
	const prefix = stage === '$default' ? '' : `/${stage}`
	return {
		method: http.method,
		path: rawPath.startsWith(`${prefix}/`) ? rawPath.slice(prefix.length) : rawPath,
		headers: Object.fromEntries(
			Object.entries(headers).map(([name, value]) => [
				name.toLowerCase(),
				value === undefined ? value : String(value),
			]),
		),
		body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
		sourceIp: http.sourceIp,
		isIamChecked: isRecord(authorizer?.iam),
		id: requestId,
	}
}

type RequestContext = APIGatewayProxyEventV2['requestContext'] & { authorizer?: { iam?: unknown } }

export function toHttpResult({ status, headers, body }: HttpResponse): APIGatewayProxyStructuredResultV2 {
	return { statusCode: status, headers, body, isBase64Encoded: false }
}
