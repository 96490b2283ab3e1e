import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type AwsService, createAwsCaller, endBefore } from '../../lib/aws/call-aws.ts'
import { createSigner } from '../../lib/aws/sign-request.ts'
import { createPool } from '../../lib/http-client/pool.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { left } from '../fakes.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A server that gives the answers in turn; the last one repeats. */
async function start(...answers: Answer[]) {
	const requests: IncomingMessage[] = []
	const delays: number[] = []
	const server = createServer((request, response) => {
		requests.push(request)
		request.resume()
		const answer = answers[Math.min(requests.length, answers.length) - 1]
		request.on('end', () => answer?.(request, response))
	})
	const endpoint = await listen(server)
	cleanups.push(() => close(server))
	const options: AwsService = {
		service: 'dynamodb',
		resource: 'exports',
		region: 'eu-1',
		endpoint,
		credentials: async () => ({ accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'ST' }),
		timeoutMs: 200,
		createDispatcher: (origin) => createPool(origin, { connections: 1, connectMs: 1_000, idleMs: 1_000 }),
		now: () => 0,
		sleep: async (ms) => void delays.push(ms),
		random: () => 0.5,
	}
	return { requests, delays, call: createAwsCaller(options) }
}

const reply =
	(status: number, body: string): Answer =>
	(_request, response) =>
		void response.writeHead(status).end(body)

const ok = reply(200, '{"a":1}')
const reset: Answer = (_request, response) => void response.destroy()
const silence: Answer = () => undefined

describe('createAwsCaller', () => {
	it('signs the request and returns the body', async () => {
		const { call, requests } = await start(ok)
		expect(await call({ 'x-amz-target': 'T.Op' }, '{}')).toBe('{"a":1}')
		expect(requests[0]?.headers).toMatchObject({
			'x-amz-target': 'T.Op',
			'x-amz-security-token': 'ST',
			authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=AK\/19700101\/eu-1\/dynamodb\//),
		})
	})

	it.each([
		['a lost answer', reset, 25],
		['a missing answer', silence, 25],
		['a server error', reply(500, '{"__type":"com.amazonaws#InternalServerError"}'), 25],
		['too many requests', reply(429, ''), 25],
		[
			'throttling with a schema in its name',
			reply(400, '{"__type":"a.b#ThrottlingException:http://c"}'),
			250,
		],
		['throttling', reply(400, '{"__type":"com.amazonaws#ThrottlingException","message":"slow"}'), 250],
		['a full table', reply(400, '{"__type":"x#ProvisionedThroughputExceededException"}'), 250],
		[
			'throttling by SNS',
			reply(400, '<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>'),
			250,
		],
	])('retries after %s', async (_name, answer, expectedMs) => {
		const { call, requests, delays } = await start(answer, ok)
		expect(await call({}, '')).toBe('{"a":1}')
		expect(requests).toHaveLength(2)
		// Half of the jitter's bound; the wait is longer after throttling.
		expect(delays).toEqual([expectedMs])
	})

	it('signs the host with its port, as sent', async () => {
		const { call, requests } = await start(ok)
		await call({ 'x-amz-target': 'T.Op' }, '{}')
		const { host = '', authorization } = requests[0]?.headers ?? {}
		const signed = createSigner('dynamodb', 'eu-1')(
			{ headers: { 'x-amz-target': 'T.Op', host }, body: '{}', nowMs: 0 },
			{ accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'ST' },
		)
		expect(host).toMatch(/:\d+$/)
		expect(authorization).toBe(signed.authorization)
	})

	it('also reads the error name from the header', async () => {
		const { call } = await start((_request, response) =>
			response.writeHead(400, { 'x-amzn-errortype': 'ConditionalCheckFailedException:http://x' }).end('{}'),
		)
		await expect(call({}, '')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' })
	})

	it('gives up after three tries, with the last code', async () => {
		const { call, requests, delays } = await start(reply(503, '{"__type":"OutOfOrder"}'))
		await expect(call({}, '')).rejects.toMatchObject({ name: 'OutOfOrder' })
		expect(requests).toHaveLength(3)
		expect(delays).toEqual([25, 50])
	})

	it.each([
		[
			'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}',
			'ConditionalCheckFailedException',
		],
		['{"__type":"ResourceNotFoundException","message":"x"}', 'ResourceNotFoundException'],
		['{"__type":"a#ConditionalCheckFailedException:http://b"}', 'ConditionalCheckFailedException'],
		['<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>', 'NotFound'],
		['<html>', 'HTTP 400'],
	])('does not retry a refused request: %s', async (body, name) => {
		const { call, requests } = await start(reply(400, body))
		await expect(call({}, '')).rejects.toMatchObject({ name })
		expect(requests).toHaveLength(1)
	})

	it('reports the connection error when there is no answer', async () => {
		const { call } = await start(reset)
		await expect(call({}, '')).rejects.toMatchObject({ name: 'UND_ERR_SOCKET' })
	})

	it('ends within the time left, whatever its own limits are', async () => {
		const { call, requests } = await start(silence)
		const startedMs = performance.now()
		await expect(call({}, '', 90)).rejects.toThrow('no whole reply')
		expect(performance.now() - startedMs).toBeLessThan(200)
		expect(requests).toHaveLength(1)
	})

	it('reports the last answer when there is no time for another attempt', async () => {
		const { call, requests } = await start(reply(400, '{"__type":"a#ThrottlingException"}'), ok)
		// A throttled call would be tried again after 250 ms.
		await expect(call({}, '', 200)).rejects.toThrow('ThrottlingException')
		expect(requests).toHaveLength(1)
	})

	it('sends nothing when no time is left', async () => {
		const { call, requests } = await start(ok)
		await expect(endBefore(left(0), call)({}, '')).rejects.toThrow('NoTimeLeft')
		expect(requests).toHaveLength(0)
	})
})

describe('an error', () => {
	const failureOf = async (answer: Answer, body = '{}', headers: Record<string, string> = HEADERS) => {
		const { call } = await start(answer)
		const error = await call(headers, body).catch((thrown) => thrown)
		return error.failure
	}
	const HEADERS = { 'x-amz-target': 'DynamoDB_20120810.PutItem' }
	const CALL = { service: 'dynamodb', action: 'PutItem', resource: 'exports' }

	it('keeps what a JSON service says: code, message, status and request id', async () => {
		const body = '{"__type":"com.amazonaws#AccessDeniedException","Message":"User arn:x is not authorized"}'
		const answer: Answer = (_request, response) =>
			void response.writeHead(400, { 'x-amzn-requestid': 'r-1' }).end(body)
		expect(await failureOf(answer)).toEqual({
			...CALL,
			code: 'AccessDeniedException',
			message: 'User arn:x is not authorized',
			httpStatus: 400,
			requestId: 'r-1',
		})
	})

	it('keeps what a Query service says', async () => {
		const xml =
			'<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error><RequestId>r-2</RequestId></ErrorResponse>'
		expect(await failureOf(reply(404, xml), 'Action=PublishBatch&Version=1', {})).toEqual({
			...CALL,
			action: 'PublishBatch',
			code: 'NotFound',
			message: 'Topic does not exist',
			httpStatus: 404,
			requestId: 'r-2',
		})
	})

	it('keeps only the first line of a message: the others may quote the request with its token', async () => {
		const body = JSON.stringify({
			__type: 'InvalidSignatureException',
			message: "The signature does not match.\n\nThe Canonical String should have been\n'POST swordfish'",
		})
		const failure = await failureOf(reply(400, body))
		expect(failure).toMatchObject({ message: 'The signature does not match.' })
		expect(JSON.stringify(failure)).not.toContain('swordfish')
	})

	it('says what was called when there is no answer', async () => {
		expect(await failureOf(reset)).toMatchObject({ ...CALL, httpStatus: null, requestId: null })
	})
})
