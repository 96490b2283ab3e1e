import type { APIGatewayProxyEventV2, SQSEvent } from 'aws-lambda'
import { Webhook } from 'standardwebhooks'

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function toBatch(queueArn: string, bodies: readonly string[], receiveCount = 1): SQSEvent {
	return {
		Records: bodies.map((body, index) => ({
			messageId: `message-${index}`,
			receiptHandle: `receipt-${index}`,
			body,
			attributes: {
				ApproximateReceiveCount: String(receiveCount),
				SentTimestamp: '1764000000000',
				SenderId: 'local',
				ApproximateFirstReceiveTimestamp: '1764000000000',
			},
			messageAttributes: {},
			md5OfBody: '',
			eventSource: 'aws:sqs',
			eventSourceARN: queueArn,
			awsRegion: 'ap-northeast-2',
		})),
	}
}

/** The fields of an HTTP API event that the function reads; another tool makes the signature. */
export function toSignedCall(body: string, secret: string): Partial<APIGatewayProxyEventV2> {
	const now = new Date()
	const requestContext = {
		requestId: 'call-1',
		http: { method: 'POST', path: '/exports', sourceIp: '192.0.2.1' },
	}
	return {
		version: '2.0',
		routeKey: '$default',
		rawPath: '/exports',
		rawQueryString: '',
		headers: {
			'content-type': 'application/json',
			'webhook-id': 'msg_1',
			'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
			'webhook-signature': new Webhook(secret).sign('msg_1', now, body),
		},
		requestContext: requestContext as APIGatewayProxyEventV2['requestContext'],
		body,
		isBase64Encoded: false,
	}
}
