import { describe, expect, it } from 'vitest'
import { parseHttpEvent, toHttpResult } from '../../lib/webhook/gateway-event.ts'

const BODY = '{"a":"가"}'

/** The same call as each gateway delivers it, reduced to the fields that AWS documents for every call. */
const EVENTS = {
	'HTTP API': {
		version: '2.0',
		rawPath: '/dev/exports',
		rawQueryString: '',
		headers: { 'Content-Type': 'application/json', 'x-many': 'a,b' },
		requestContext: {
			stage: 'dev',
			requestId: 'q-1',
			http: { method: 'POST', path: '/dev/exports', sourceIp: '203.0.113.7' },
		},
		body: BODY,
		isBase64Encoded: false,
	},
	'function URL': {
		version: '2.0',
		rawPath: '/exports',
		headers: { 'content-type': 'application/json', 'x-many': 'a,b' },
		requestContext: {
			stage: '$default',
			requestId: 'q-1',
			http: { method: 'POST', path: '/exports', sourceIp: '203.0.113.7' },
		},
		body: Buffer.from(BODY).toString('base64'),
		isBase64Encoded: true,
	},
	'REST API': {
		resource: '/exports',
		path: '/exports',
		httpMethod: 'POST',
		headers: { 'Content-Type': 'application/json', 'X-Many': 'b' },
		multiValueHeaders: { 'Content-Type': ['application/json'], 'X-Many': ['a', 'b'] },
		requestContext: {
			stage: 'dev',
			requestId: 'q-1',
			path: '/dev/exports',
			identity: { sourceIp: '203.0.113.7', userArn: null },
		},
		body: BODY,
		isBase64Encoded: false,
	},
	'load balancer': {
		requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:region:1:targetgroup/t/1' } },
		httpMethod: 'POST',
		path: '/exports',
		queryStringParameters: {},
		headers: { 'content-type': 'application/json', 'x-forwarded-for': '127.0.0.1', 'x-many': 'a,b' },
		body: BODY,
		isBase64Encoded: false,
	},
	'load balancer with lists': {
		requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:region:1:targetgroup/t/1' } },
		httpMethod: 'POST',
		path: '/exports',
		multiValueHeaders: {
			'content-type': ['application/json'],
			'x-forwarded-for': ['127.0.0.1'],
			'x-many': ['a', 'b'],
		},
		body: Buffer.from(BODY).toString('base64'),
		isBase64Encoded: true,
	},
} as const

const names = Object.keys(EVENTS) as (keyof typeof EVENTS)[]

describe('parseHttpEvent', () => {
	it.each(names)('reads the same call from a %s', (name) => {
		const isBehindBalancer = name.startsWith('load')
		const { headers, ...request } = parseHttpEvent(EVENTS[name], 'invocation') ?? { headers: {} }
		expect(request).toEqual({
			method: 'POST',
			path: '/exports',
			body: Buffer.from(BODY),
			// The caller can set x-forwarded-for to anything, so it grants no access.
			sourceIp: isBehindBalancer ? '' : '203.0.113.7',
			isIamChecked: false,
			id: isBehindBalancer ? 'invocation' : 'q-1',
		})
		expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-many': 'a,b' })
	})

	it.each([
		[{ authorizer: { iam: { accessKey: 'A' } } }, true],
		[{ authorizer: { iam: null } }, false],
		[{ authorizer: { jwt: {} } }, false],
	])('detects whether an HTTP API checked IAM: %j', (context, isIamChecked) => {
		const event = EVENTS['HTTP API']
		const checked = { ...event, requestContext: { ...event.requestContext, ...context } }
		expect(parseHttpEvent(checked, '')?.isIamChecked).toBe(isIamChecked)
	})

	it.each([
		['arn:aws:iam::1:user/a', true],
		['', false],
		[null, false],
	])('detects whether a REST API checked IAM: %j', (userArn, isIamChecked) => {
		const event = EVENTS['REST API']
		const identity = { ...event.requestContext.identity, userArn }
		const checked = { ...event, requestContext: { ...event.requestContext, identity } }
		expect(parseHttpEvent(checked, '')?.isIamChecked).toBe(isIamChecked)
	})

	it('ignores IAM fields that come through a load balancer', () => {
		const event = EVENTS['load balancer']
		const forged = { ...event, requestContext: { ...event.requestContext, identity: { userArn: 'arn' } } }
		expect(parseHttpEvent(forged, '')?.isIamChecked).toBe(false)
	})

	it.each([
		null,
		'x',
		{},
		{ requestContext: {} },
		{ httpMethod: 'POST', requestContext: {} },
		{ requestContext: { elb: {} } },
	])('returns null for %j, which is not an HTTP request', (other) => {
		expect(parseHttpEvent(other, '')).toBeNull()
	})

	it('parses an event without its optional fields', () => {
		const bare = { requestContext: { http: { method: 'GET', sourceIp: '' }, requestId: 'q' } }
		expect(parseHttpEvent(bare, '')).toMatchObject({
			path: '/',
			headers: {},
			isIamChecked: false,
			body: Buffer.alloc(0),
		})
		const bareRest = { httpMethod: 'GET', requestContext: { identity: {} } }
		expect(parseHttpEvent(bareRest, '')).toMatchObject({ path: '/', headers: {}, sourceIp: '' })
	})

	it('does not change a path that does not begin with the stage', () => {
		expect(parseHttpEvent({ ...EVENTS['HTTP API'], rawPath: '/exports' }, '')?.path).toBe('/exports')
	})
})

describe('toHttpResult', () => {
	const response = { status: 202, headers: { a: 'b' }, body: 'c' }
	const headers = {
		a: 'b',
		'Cache-Control': 'no-store',
		'Strict-Transport-Security': 'max-age=15552000; includeSubDomains; preload',
		'X-Content-Type-Options': 'nosniff',
	}

	it.each(names.slice(0, 4))('returns single header values to a %s', (name) => {
		expect(toHttpResult(response, EVENTS[name])).toEqual({
			statusCode: 202,
			headers,
			body: 'c',
			isBase64Encoded: false,
		})
	})

	it('returns header lists to a load balancer that sent lists', () => {
		const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
		expect(toHttpResult(response, EVENTS['load balancer with lists'])).toEqual({
			statusCode: 202,
			multiValueHeaders: lists,
			body: 'c',
			isBase64Encoded: false,
		})
	})
})
