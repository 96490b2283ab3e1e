import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import {
	type AddressInfo,
	connect,
	createServer as createTcpServer,
	type Server,
	type Socket,
} from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPool } from '../../lib/http-client/pool.ts'
import { type Exchange, sendOnce } from '../../lib/http-client/send-once.ts'
import { close, listen, readAll } from '../../tools/local/listen.ts'

async function serve(listener: RequestListener): Promise<string> {
	const server = createServer(listener)
	const origin = await listen(server)
	onTestFinished(() => close(server))
	return origin
}

/** A server that answers with bytes of its own, or not at all. */
async function serveBytes(onConnection: (socket: Socket) => void): Promise<string> {
	const sockets: Socket[] = []
	const server: Server = createTcpServer((socket) => {
		sockets.push(socket)
		socket.on('error', () => undefined)
		onConnection(socket)
	})
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	onTestFinished(async () => {
		for (const socket of sockets) socket.destroy()
		await new Promise((resolve) => server.close(resolve))
	})
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const poolOf = (origin: string): Dispatcher => {
	const pool = createPool(origin, { connections: 1, connectMs: 5_000, idleMs: 1_000 })
	onTestFinished(() => pool.destroy())
	return pool
}

const exchange = (origin: string, changes: Partial<Exchange> = {}): Exchange => ({
	origin,
	method: 'POST',
	target: '/',
	headers: {},
	body: 'a=1',
	timeoutMs: 10_000,
	maxReplyBytes: 1_000,
	...changes,
})

const send = (origin: string, changes: Partial<Exchange> = {}, dispatcher = poolOf(origin)) =>
	sendOnce(dispatcher, exchange(origin, changes))

describe('sendOnce', () => {
	it('sends the target and the body byte for byte, and gives the whole reply', async () => {
		const seen: unknown[] = []
		const origin = await serve(async (request, response) => {
			const body = (await readAll(request, 1_000)).toString('utf8')
			seen.push([request.method, request.url, request.headers['x-a'], body])
			response.writeHead(201, { 'x-b': '2' }).write('가')
			response.end('나')
		})
		const target = '/a%2Fb/../c?d=%20+&e'
		expect(await send(origin, { target, headers: { 'x-a': '1' }, body: 'f=가' })).toMatchObject({
			kind: 'replied',
			reply: { httpStatus: 201, headers: { 'x-b': '2' }, body: '가나' },
		})
		expect(seen).toEqual([['POST', target, '1', 'f=가']])
	})

	it('gives an empty body of a reply without one', async () => {
		const origin = await serve((_request, response) => void response.writeHead(204).end())
		expect(await send(origin, { method: 'GET', body: null })).toMatchObject({
			kind: 'replied',
			reply: { httpStatus: 204, body: '' },
		})
	})

	it('puts a character together whose bytes come apart', async () => {
		const [first, ...rest] = Buffer.from('가')
		const origin = await serve((_request, response) => {
			response.write(Buffer.from([first ?? 0]), () => response.end(Buffer.from(rest)))
		})
		expect(await send(origin)).toMatchObject({ kind: 'replied', reply: { body: '가' } })
	})

	it('does not take an interim reply for the answer', async () => {
		const origin = await serveBytes((socket) =>
			socket.once('data', () =>
				socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx'),
			),
		)
		expect(await send(origin)).toMatchObject({ kind: 'replied', reply: { httpStatus: 200, body: 'x' } })
	})

	it('is lost when nothing follows an interim reply', async () => {
		const origin = await serveBytes((socket) =>
			socket.once('data', () => socket.end('HTTP/1.1 103 Early Hints\r\n\r\n')),
		)
		expect(await send(origin)).toEqual({ kind: 'lost', sent: true, reason: 'UND_ERR_SOCKET' })
	})

	it.each([307, 401, 503])('follows and repeats nothing: HTTP %i', async (httpStatus) => {
		let requests = 0
		const origin = await serve((_request, response) => {
			requests++
			response.writeHead(httpStatus, { location: '/elsewhere', 'retry-after': '0' }).end()
		})
		expect(await send(origin)).toMatchObject({ kind: 'replied', reply: { httpStatus } })
		expect(requests).toBe(1)
	})

	it('is lost after sending when no status comes in time', async () => {
		const origin = await serve(() => undefined)
		expect(await send(origin, { timeoutMs: 50 })).toEqual({
			kind: 'lost',
			sent: true,
			reason: 'no whole reply within 50 ms',
		})
	})

	it('is partial when the time is up after the status', async () => {
		const origin = await serve((_request, response) => response.writeHead(200, { 'x-b': '2' }).write('half'))
		expect(await send(origin, { timeoutMs: 500 })).toMatchObject({
			kind: 'partial',
			reply: { httpStatus: 200, headers: { 'x-b': '2' }, body: '' },
			reason: 'no whole reply within 500 ms',
		})
	})

	it('ends the connection of what took too long', async () => {
		const { promise: closed, resolve } = Promise.withResolvers<void>()
		const origin = await serve((request) => void request.socket.once('close', resolve))
		await send(origin, { timeoutMs: 50 })
		await closed
	})

	it('reports that nothing was sent when the connection is refused', async () => {
		const server = createServer()
		const origin = await listen(server)
		await close(server)
		expect(await send(origin)).toEqual({ kind: 'lost', sent: false, reason: 'ECONNREFUSED' })
	})

	it('sends nothing when its time runs out while it waits for a connection', async () => {
		const { promise: connected, resolve } = Promise.withResolvers<void>()
		let received = 0
		const origin = await serveBytes((socket) => {
			resolve()
			socket.on('data', (chunk) => {
				received += chunk.length
			})
		})
		const release = Promise.withResolvers<void>()
		const pool = new Pool(origin, {
			connect: (_options, callback) => {
				release.promise.then(() => {
					const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => callback(null, socket))
				})
			},
		})
		expect(await send(origin, { timeoutMs: 50 }, pool)).toMatchObject({ kind: 'lost', sent: false })
		release.resolve()
		await connected
		await pool.close()
		expect(received).toBe(0)
	})

	it('reports that nothing was sent when the TLS handshake fails, even with a reset', async () => {
		const origin = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()))
		expect(await send(origin.replace('http:', 'https:'))).toMatchObject({ kind: 'lost', sent: false })
	})

	it('may have sent what ends in a reset', async () => {
		const origin = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()))
		expect(await send(origin)).toEqual({ kind: 'lost', sent: true, reason: 'ECONNRESET' })
	})

	it('may have sent what ends without an answer', async () => {
		const origin = await serveBytes((socket) => socket.once('data', () => socket.end()))
		expect(await send(origin)).toEqual({ kind: 'lost', sent: true, reason: 'UND_ERR_SOCKET' })
	})

	it('is lost after sending when the answer is not HTTP', async () => {
		const origin = await serveBytes((socket) => socket.once('data', () => socket.end('hello\r\n\r\n')))
		expect(await send(origin)).toEqual({ kind: 'lost', sent: true, reason: 'HTTPParserError' })
	})

	it('is partial when the connection ends in the middle of the body', async () => {
		const origin = await serveBytes((socket) =>
			socket.once('data', () => socket.end('HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nhalf')),
		)
		expect(await send(origin)).toMatchObject({
			kind: 'partial',
			reply: { httpStatus: 503, body: '' },
			reason: 'UND_ERR_SOCKET',
		})
	})

	it('reads a reply of the largest size, and not one byte more', async () => {
		const origin = await serve((request, response) =>
			response.end('x'.repeat(Number(request.headers['x-bytes']))),
		)
		expect(await send(origin, { headers: { 'x-bytes': '1000' } })).toMatchObject({
			kind: 'replied',
			reply: { body: 'x'.repeat(1_000) },
		})
		expect(await send(origin, { headers: { 'x-bytes': '1001' } })).toMatchObject({
			kind: 'partial',
			reply: { httpStatus: 200, body: '' },
			reason: 'the reply is larger than 1000 bytes',
		})
	})

	it.each([
		['a header that cannot be sent', { headers: { a: 'b\nc' } }],
		['a target that is no path', { target: 'nonsense' }],
	])('does not reject, and sends nothing, for %s', async (_name, changes) => {
		let connections = 0
		const origin = await serveBytes(() => connections++)
		expect(await send(origin, changes)).toEqual({
			kind: 'lost',
			sent: false,
			reason: 'UND_ERR_INVALID_ARG',
		})
		expect(connections).toBe(0)
	})

	it('does not reject when the connections are closed', async () => {
		const origin = await serve((_request, response) => response.end())
		const pool = poolOf(origin)
		await pool.destroy()
		expect(await send(origin, {}, pool)).toEqual({ kind: 'lost', sent: false, reason: 'UND_ERR_DESTROYED' })
	})
})
