import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { expect, it } from 'vitest'
import { parseHttpEvent, toHttpResult } from '../../lib/http/event-formats.ts'

const event = (changes: object = {}, context: object = {}) =>
	({
		version: '2.0',
		rawPath: '/exports',
		headers: { 'Content-Type': 'application/json' },
		body: '{"a":"가"}',
		isBase64Encoded: false,
		requestContext: {
			stage: '$default',
			requestId: 'q-1',
			http: { method: 'POST', sourceIp: '203.0.113.7' },
			...context,
		},
		...changes,
	}) as unknown as APIGatewayProxyEventV2

it('reads method, path, headers and the body’s own bytes', () => {
	expect(parseHttpEvent(event())).toEqual({
		method: 'POST',
		path: '/exports',
		headers: { 'content-type': 'application/json' },
		body: Buffer.from('{"a":"가"}'),
		sourceIp: '203.0.113.7',
		isIamChecked: false,
		id: 'q-1',
	})
})

it('decodes base64, and an absent body is empty', () => {
	expect(
		parseHttpEvent(event({ body: Buffer.from([1, 2]).toString('base64'), isBase64Encoded: true }))?.body,
	).toEqual(Buffer.from([1, 2]))
	expect(parseHttpEvent(event({ body: undefined }))?.body).toHaveLength(0)
})

it('takes the stage off the path', () => {
	expect(parseHttpEvent(event({ rawPath: '/dev/exports' }, { stage: 'dev' }))?.path).toBe('/exports')
	expect(parseHttpEvent(event({ rawPath: '/exports' }, { stage: 'dev' }))?.path).toBe('/exports')
})

it.each([
	[{ authorizer: { iam: { accessKey: 'A' } } }, true],
	[{ authorizer: { iam: null } }, false],
	[{ authorizer: { jwt: {} } }, false],
])('knows whether the gateway checked IAM: %j', (context, isIamChecked) => {
	expect(parseHttpEvent(event({}, context))?.isIamChecked).toBe(isIamChecked)
})

it('answers in the same format', () => {
	expect(toHttpResult({ status: 202, headers: { a: 'b' }, body: 'c' })).toEqual({
		statusCode: 202,
		headers: { a: 'b' },
		body: 'c',
		isBase64Encoded: false,
	})
})

it.each([null, 'x', {}, { requestContext: {} }, { httpMethod: 'POST', requestContext: { elb: {} } }])(
	'knows that %j is none of its format',
	(other) => {
		expect(parseHttpEvent(other as unknown as APIGatewayProxyEventV2)).toBeNull()
	},
)

it('bears an event that leaves out what it can', () => {
	const bare = { requestContext: { http: { method: 'GET', sourceIp: '' }, requestId: 'q' } }
	expect(parseHttpEvent(bare as unknown as APIGatewayProxyEventV2)).toMatchObject({
		path: '/',
		headers: {},
		isIamChecked: false,
	})
})
