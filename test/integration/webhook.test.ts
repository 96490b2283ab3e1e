import { afterEach, describe, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import { takeOutcomes } from './outcomes.ts'

let cloud: Cloud | undefined
afterEach(async () => {
	await cloud?.stop()
	cloud = undefined
})

async function start(options: CloudOptions = {}): Promise<Cloud> {
	cloud = await startCloud(options)
	return cloud
}

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const post = (url: string, body: string, contentType = 'application/json') =>
	fetch(`${url}/exports`, { method: 'POST', body, headers: { 'content-type': contentType } })

describe('POST /exports', () => {
	it.each([
		['JSON', JSON.stringify(REQUEST), 'application/json'],
		['a form', new URLSearchParams(REQUEST).toString(), 'application/x-www-form-urlencoded'],
		[
			'a CloudEvent',
			JSON.stringify({ specversion: '1.0', id: 'c', type: 't', source: 's', data: REQUEST }),
			'application/cloudevents+json',
		],
	])('accepts %s and answers 202 with the published event', async (_name, body, contentType) => {
		const { webhookUrl, aws, outcomeQueue, ncp } = await start()
		const response = await post(webhookUrl, body, contentType)
		expect(response.status).toBe(202)
		const event = (await response.json()) as OutcomeEvent
		expect(event).toMatchObject({ data: { state: 'accepted', trigger: { kind: 'webhook' } } })
		expect(response.headers.get('location')).toBe(`/exports/${event.data.exportId}`)
		expect(response.headers.get('x-content-type-options')).toBe('nosniff')
		expect(await takeOutcomes(aws.sqs, outcomeQueue.url, 1)).toEqual([event])
		expect(ncp?.performed).toHaveLength(1)
	})

	it.each([
		['422 when NCP refuses', { ...REQUEST, cloudPostgresqlInstanceNo: '9' }, 422, 'NCP_REFUSED'],
		['422 for a field that breaks a rule', { ...REQUEST, bucketName: 'X' }, 422, 'REQUEST_INVALID'],
		['400 for a body that is not JSON', '{', 400, 'REQUEST_UNREADABLE'],
	])('answers %s', async (_name, body, status, code) => {
		const { webhookUrl } = await start()
		const response = await post(webhookUrl, typeof body === 'string' ? body : JSON.stringify(body))
		expect(response.status).toBe(status)
		expect(response.headers.get('content-type')).toBe('application/problem+json')
		expect(await response.json()).toMatchObject({ code, status })
	})

	it('queues a request for a caller who does not wait, and returns its outcome later under the same id', async () => {
		const { webhookUrl, aws, outcomeQueue, ncp } = await start()
		const response = await fetch(`${webhookUrl}/exports`, {
			method: 'POST',
			body: JSON.stringify(REQUEST),
			headers: { 'content-type': 'application/json', prefer: 'respond-async' },
		})
		expect(response.status).toBe(202)
		expect(response.headers.get('preference-applied')).toBe('respond-async')
		const { exportId, state } = (await response.json()) as { exportId: string; state: string }
		expect(state).toBe('queued')
		const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
		expect(event?.data).toMatchObject({
			exportId,
			state: 'accepted',
			attempts: 1,
			trigger: { kind: 'queue' },
		})
		const lookup = await fetch(webhookUrl + (response.headers.get('location') ?? ''))
		expect(lookup.status).toBe(200)
		expect(await lookup.json()).toEqual(event)
		expect(ncp?.calls()).toBe(1)
	})

	it.each([
		['an invalid request', { ...REQUEST, bucketName: 'X' }, 422],
		['a body that is not a request', [], 400],
	])('immediately rejects %s from a caller who does not wait', async (_name, body, status) => {
		const { webhookUrl } = await start()
		const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
		const response = await fetch(`${webhookUrl}/exports`, {
			method: 'POST',
			body: JSON.stringify(body),
			headers,
		})
		expect(response.status).toBe(status)
	})

	it('reads the idempotency key from the header, and makes one export per key', async () => {
		const { webhookUrl, ncp } = await start()
		const send = (fileName: string) =>
			fetch(`${webhookUrl}/exports`, {
				method: 'POST',
				body: JSON.stringify({ ...REQUEST, fileName }),
				headers: { 'content-type': 'application/json', 'idempotency-key': '"key-1"' },
			})
		const [first, again, other] = [await send('20210528'), await send('20210528'), await send('20210529')]
		expect([first.status, again.status, other.status]).toEqual([202, 202, 422])
		expect(await again.json()).toEqual(await first.json())
		expect(await other.json()).toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' })
		expect(ncp?.calls()).toBe(1)
	})

	it.each([
		['a repeated field', `{"fileName":"a",${JSON.stringify(REQUEST).slice(1)}`, 400],
		['deep nesting', `${'{"detail":'.repeat(1_000)}1${'}'.repeat(1_000)}`, 400],
		['__proto__', `{"__proto__":{"a":1},${JSON.stringify(REQUEST).slice(1)}`, 422],
	])('refuses %s without calling NCP', async (_name, body, status) => {
		const { webhookUrl, ncp } = await start()
		expect((await post(webhookUrl, body)).status).toBe(status)
		expect(ncp?.calls()).toBe(0)
	})

	it.each([
		['a REST API', { requestContext: { requestId: 'q', identity: { sourceIp: '127.0.0.1' } } }, 'headers'],
		[
			'a load balancer with lists',
			{ requestContext: { elb: {} }, multiValueHeaders: { 'content-type': ['application/json'] } },
			'multiValueHeaders',
		],
	])('answers %s in its own format, with security headers', async (_name, marks, headers) => {
		const { functions } = await start()
		const event = {
			httpMethod: 'POST',
			path: '/exports',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(REQUEST),
			...marks,
		}
		const { value } = (await functions['on-http-request'].invoke(event)) as { value: Record<string, unknown> }
		// Behind a load balancer no caller is on loopback, so authentication "none" refuses all of them.
		expect(value.statusCode).toBe(headers === 'headers' ? 202 : 401)
		expect(Object.keys(value[headers] ?? {})).toContain('X-Content-Type-Options')
	})

	it('answers 503 with Retry-After when NCP is busy', async () => {
		const { webhookUrl } = await start({ simulator: { fault: () => 'busy' } })
		const response = await post(webhookUrl, JSON.stringify(REQUEST))
		expect(response.status).toBe(503)
		expect(response.headers.get('retry-after')).toBe('30')
	})

	it('answers 202 with state unknown when the reply was lost', async () => {
		const { webhookUrl } = await start({ simulator: { fault: () => 'cut' } })
		const response = await post(webhookUrl, JSON.stringify(REQUEST))
		expect(response.status).toBe(202)
		expect(await response.json()).toMatchObject({ data: { state: 'unknown' } })
	})

	it('refuses a call without a signature', async () => {
		const { webhookUrl, ncp } = await start({
			env: { WEBHOOK_AUTH: 'signature', WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 1).toString('base64')}` },
		})
		expect((await post(webhookUrl, JSON.stringify(REQUEST))).status).toBe(401)
		expect(ncp?.calls()).toBe(0)
	})
})

describe('GET /exports/{exportId}', () => {
	it('returns the latest outcome, and 404 for an unknown id', async () => {
		const { webhookUrl } = await start()
		const posted = await post(webhookUrl, JSON.stringify(REQUEST))
		const found = await fetch(webhookUrl + (posted.headers.get('location') ?? ''))
		expect(found.status).toBe(200)
		expect(found.headers.get('content-type')).toBe('application/cloudevents+json')
		expect(await found.json()).toEqual(await posted.json())
		const missing = await fetch(`${webhookUrl}/exports/01M84ZA801EW2XZC8GJJ7CTSGN`)
		expect(missing.status).toBe(404)
		expect(await missing.json()).toMatchObject({ code: 'NOT_FOUND' })
	})

	it('returns "queued" for an export without an outcome', async () => {
		const { webhookUrl } = await start({ isQueueIdle: true })
		const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
		const posted = await fetch(`${webhookUrl}/exports`, {
			method: 'POST',
			body: JSON.stringify(REQUEST),
			headers,
		})
		const found = await fetch(webhookUrl + (posted.headers.get('location') ?? ''))
		expect(found.status).toBe(200)
		expect(await found.json()).toEqual(await posted.json())
	})
})
