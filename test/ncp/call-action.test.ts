import { createServer, type RequestListener } from 'node:http'
import { MockAgent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { createExportAction } from '../../lib/ncp/actions.ts'
import { type CallActionOptions, createCallAction } from '../../lib/ncp/call-action.ts'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { listen } from '../../tools/local/listen.ts'
import { type Fault, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'

const KEYS = { accessKey: 'AK', secretKey: 'SK' }
const EXPORT_PATH = '/vpostgresql/v2/exportBackupToObjectStorage'

const PARAMETERS: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1234925',
	fileName: '20210528',
	bucketName: 'my-bucket',
	regionCode: 'KR',
}

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function simulate(fault?: Fault, now?: () => number) {
	const simulator = await startNcpSimulator({
		keys: new Map([['AK', 'SK']]),
		instances: new Map([['1234925', { regionCode: 'KR', backups: new Set(['20210528', 'a b+c&d=é/%']) }]]),
		buckets: new Set(['my-bucket']),
		fault: () => fault,
		...(now ? { now } : {}),
	})
	cleanups.push(simulator.stop)
	return simulator
}

async function serve(listener: RequestListener): Promise<string> {
	const server = createServer(listener)
	cleanups.push(async () => {
		server.closeAllConnections()
		await new Promise((resolve) => server.close(resolve))
	})
	return listen(server)
}

const createNcpClient = (options: CallActionOptions) => createExportAction(createCallAction(options))

const client = (apiUrl: string, options: Partial<CallActionOptions> = {}) =>
	createNcpClient({
		apiUrl,
		credentials: fixedCredentials(KEYS),
		timeoutMs: 5_000,
		clock: createClock(Date.now),
		...options,
	})

describe('createCallAction', () => {
	it('posts the form, signs only the path, and sends the timestamp that it signed', async () => {
		const agent = new MockAgent()
		agent.disableNetConnect()
		const seen: { body?: unknown; headers?: unknown }[] = []
		agent
			.get('https://ncp.example')
			.intercept({ path: EXPORT_PATH, method: 'POST' })
			.reply(200, (request) => {
				seen.push(request)
				return '<r><returnCode>0</returnCode></r>'
			})
		const call = createNcpClient({
			apiUrl: 'https://ncp.example',
			credentials: fixedCredentials({ accessKey: 'TestAccessKey', secretKey: 'TestSecretKey' }),
			timeoutMs: 1_000,
			clock: createClock(() => 1_700_000_000_000),
			createDispatcher: () => agent,
		})
		expect((await call(PARAMETERS, 10_000)).kind).toBe('accepted')
		expect(seen[0]?.body).toBe(
			'regionCode=KR&fileName=20210528&bucketName=my-bucket&cloudPostgresqlInstanceNo=1234925',
		)
		expect(seen[0]?.headers).toMatchObject({
			'x-ncp-apigw-timestamp': '1700000000000',
			'x-ncp-iam-access-key': 'TestAccessKey',
			'x-ncp-apigw-signature-v2': 'b5gGBCe9LIn9eW2qZ71WuxeIDOvEUQHt85+RVwhBX3Q=',
		})
		agent.assertNoPendingInterceptors()
	})

	it.each(['POST', 'GET'] as const)(
		'is accepted by a gateway with an independent implementation: %s',
		async (method) => {
			const { url, performed } = await simulate()
			const reply = await client(url, { method })({ ...PARAMETERS, fileName: 'a b+c&d=é/%' }, 10_000)
			expect(reply).toMatchObject({ kind: 'accepted', returnMessage: 'success', httpStatus: 200 })
			expect(performed).toMatchObject([{ fileName: 'a b+c&d=é/%' }])
		},
	)

	it('keeps and signs a path in the base URL of the API', async () => {
		const targets: (string | undefined)[] = []
		const url = await serve((request, response) => {
			targets.push(request.url)
			response.end('<r><returnCode>0</returnCode></r>')
		})
		await client(`${url}/prefix`)(PARAMETERS, 10_000)
		expect(targets).toEqual([`/prefix${EXPORT_PATH}`])
	})

	it.each([
		['throttle', { kind: 'later', envelope: 'gateway', code: '410' }],
		['busy', { kind: 'later', envelope: 'api', code: '5001005' }],
		['unavailable', { kind: 'later', envelope: 'gateway', code: '500' }],
		['fail', { kind: 'unknown', envelope: 'gateway', code: '900' }],
		['reset', { kind: 'unknown', envelope: 'none', httpStatus: null, sent: true }],
		['cut', { kind: 'unknown', envelope: 'none', httpStatus: 200, sent: true }],
	] as const)('classifies the reply of a gateway told to %s', async (fault, expected) => {
		const { url } = await simulate(fault)
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject(expected)
	})

	it.each(['hang', 'perform-then-hang'] as const)('times out with an unknown outcome: %s', async (fault) => {
		const { url } = await simulate(fault)
		const started = performance.now()
		const reply = await client(url, { timeoutMs: 200 })(PARAMETERS, 10_000)
		expect(reply).toMatchObject({ kind: 'unknown', sent: true })
		expect(performance.now() - started).toBeLessThan(2_000)
	})

	it('lowers its time limit to the time that the caller has left', async () => {
		const { url } = await simulate('hang')
		const reply = await client(url, { timeoutMs: 60_000 })(PARAMETERS, 100)
		expect(reply.message).toMatch(/within (100|[1-9]\d) ms/)
	})

	it('reports that nothing was sent when the connection is refused', async () => {
		const url = await serve(() => undefined)
		await cleanups.pop()?.()
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject({
			kind: 'later',
			sent: false,
			message: 'nothing was sent (ECONNREFUSED)',
		})
	})

	it.each([200, 503])('stops reading a reply of 10 MiB and goes by its status %i', async (httpStatus) => {
		const { url } = await simulate({
			httpStatus,
			contentType: 'application/xml',
			body: `<r>${'x'.repeat(10 * 1024 * 1024)}</r>`,
		})
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject({
			kind: 'unknown',
			httpStatus,
			message: expect.stringContaining('larger than'),
		})
	})

	it.each([
		[
			'a billion laughs',
			`<!DOCTYPE r [<!ENTITY a "x">${Array.from({ length: 50 }, (_, n) => `<!ENTITY a${n} "${'&a;'.repeat(50)}">`).join('')}]><r><returnCode>0</returnCode><returnMessage>&a49;</returnMessage></r>`,
		],
		['a million open elements', '<a>'.repeat(300_000)],
		['a million attributes', `<r ${'a="1" '.repeat(150_000)}/>`],
		['a million angle brackets', '<'.repeat(1_000_000)],
		['deep JSON', `{"r":${'['.repeat(500_000)}`],
		['noise', Buffer.alloc(900_000, 0xf7).toString('latin1')],
	])('handles %s in bounded time', async (_name, body) => {
		const { url } = await simulate({ httpStatus: 200, contentType: 'application/xml', body })
		const started = performance.now()
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject({ kind: 'unknown', envelope: 'none' })
		expect(performance.now() - started).toBeLessThan(5_000)
	})

	it('follows no redirect', async () => {
		const { url } = await simulate({ httpStatus: 307, contentType: 'text/plain', body: '' })
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject({ kind: 'unknown', httpStatus: 307 })
	})

	it('opens a new connection after an idle time, because the old one may have died while the function was frozen', async () => {
		const ports: (number | undefined)[] = []
		const url = await serve((request, response) => {
			ports.push(request.socket.remotePort)
			response.end('<r><returnCode>0</returnCode></r>')
		})
		let nowMs = Date.now()
		const call = client(url, { clock: createClock(() => nowMs) })
		for (let n = 0; n < 6; n++) await call(PARAMETERS, 10_000)
		const before = new Set(ports)
		// undici frees a connection just after it returns the reply, so two may alternate.
		expect(before.size).toBeLessThanOrEqual(2)
		nowMs += 60_000
		await call(PARAMETERS, 10_000)
		expect(before).not.toContain(ports.at(-1))
	})

	it('removes keys and signatures from a reply that quotes the request', async () => {
		const url = await serve((request, response) => {
			const { 'x-ncp-iam-access-key': key, 'x-ncp-apigw-signature-v2': signature } = request.headers
			response.setHeader('x-ncp-trace-id', String(signature))
			response.statusCode = 400
			response.end(
				JSON.stringify({ error: { errorCode: String(key), message: `${key} ${signature} SECRET-KEY` } }),
			)
		})
		const call = client(url, {
			credentials: fixedCredentials({ accessKey: 'ACCESS-KEY', secretKey: 'SECRET-KEY' }),
		})
		expect(await call(PARAMETERS, 10_000)).toMatchObject({
			message: '*** *** ***',
			code: '***',
			traceId: '***',
		})
	})

	it('reveals no part of a key where its text is cut', async () => {
		const secretKey = 'SECRETKEYabcdefghijklmnopqrstuvwxyz01234'
		const body = JSON.stringify({
			responseError: { returnCode: '77', returnMessage: 'x'.repeat(60) + secretKey },
		})
		const { url } = await simulate({ httpStatus: 400, contentType: 'application/json', body })
		const keys = { accessKey: 'AK', secretKey }
		const reply = await client(url, { credentials: fixedCredentials(keys) })(PARAMETERS, 10_000)
		expect(JSON.stringify(reply)).not.toContain('SECRETKEY')
	})

	it('stops waiting for the key pair after half of the time limit, and sends nothing', async () => {
		const { url, calls } = await simulate()
		const credentials = { ...fixedCredentials(KEYS), get: () => new Promise<never>(() => undefined) }
		expect(await client(url, { credentials })(PARAMETERS, 100)).toMatchObject({
			kind: 'credentials',
			sent: false,
		})
		expect(calls()).toBe(0)
	})

	it('sends nothing when the key pair cannot be read', async () => {
		const { url, calls } = await simulate()
		const credentials = { ...fixedCredentials(KEYS), get: () => Promise.reject(new Error('no')) }
		expect(await client(url, { credentials })(PARAMETERS, 10_000)).toMatchObject({
			kind: 'credentials',
			sent: false,
		})
		expect(calls()).toBe(0)
	})

	it('classifies a refused clock as a credentials failure', async () => {
		const { url } = await simulate(undefined, () => Date.now() + 7 * 60_000)
		expect(await client(url)(PARAMETERS, 10_000)).toMatchObject({ kind: 'credentials', code: '200' })
	})
})
