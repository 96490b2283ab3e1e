import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPool, type PoolOptions } from '../../lib/http-client/pool.ts'
import { sendOnce } from '../../lib/http-client/send-once.ts'
import { close, listen } from '../../tools/local/listen.ts'

async function start(listener: RequestListener, options: Partial<PoolOptions> = {}) {
	const sockets: Socket[] = []
	const server: Server = createServer(listener)
	server.on('connection', (socket) => sockets.push(socket))
	const origin = await listen(server)
	const pool = createPool(origin, { connections: 1, connectMs: 5_000, idleMs: 5_000, ...options })
	onTestFinished(async () => {
		await pool.destroy()
		await close(server)
	})
	const get = () =>
		sendOnce(pool, {
			origin,
			method: 'GET',
			target: '/',
			headers: {},
			body: null,
			timeoutMs: 10_000,
			maxReplyBytes: 1_000,
		})
	return { server, sockets, get }
}

describe('createPool', () => {
	it('sends one request after another on one connection', async () => {
		const { sockets, get } = await start((_request, response) => response.end('x'))
		for (let n = 0; n < 3; n++) expect(await get()).toMatchObject({ kind: 'replied' })
		expect(sockets).toHaveLength(1)
	})

	it('has no more than its connections, with one request at a time on each', async () => {
		const waiting: ServerResponse[] = []
		const { server, sockets, get } = await start((_request, response) => waiting.push(response), {
			connections: 2,
		})
		const results = [get(), get(), get()]
		while (waiting.length < 2) await once(server, 'request')
		expect(waiting).toHaveLength(2)
		waiting.shift()?.end('x')
		await once(server, 'request')
		for (const response of waiting) response.end('x')
		expect((await Promise.all(results)).map(({ kind }) => kind)).toEqual(Array(3).fill('replied'))
		expect(sockets).toHaveLength(2)
	})

	it('takes no other request with it when one fails, and repeats none', async () => {
		let requests = 0
		const { get } = await start((_request, response) => {
			if (++requests === 2) response.destroy()
			else response.end('x')
		})
		await get()
		const results = await Promise.all([get(), get()])
		expect(results).toMatchObject([{ kind: 'lost', sent: true }, { kind: 'replied' }])
		expect(requests).toBe(3)
	})

	it.each([
		['although the server would keep it for a minute', 60_000],
		['when the server does not say for how long it keeps it', 0],
	])(
		'closes a connection that has been idle for too long, %s',
		async (_name, keepAliveTimeout) => {
			const { server, sockets, get } = await start((_request, response) => response.end('x'), { idleMs: 50 })
			server.keepAliveTimeout = keepAliveTimeout
			await get()
			const [socket] = sockets
			if (socket && !socket.closed) await once(socket, 'close')
			expect(await get()).toMatchObject({ kind: 'replied' })
			expect(sockets).toHaveLength(2)
		},
		// undici's own idle time is four seconds.
		3_000,
	)

	it('takes no more than 16 KiB of headers', async () => {
		const { get } = await start((_request, response) =>
			response.setHeader('x-long', 'x'.repeat(17 * 1024)).end('x'),
		)
		expect(await get()).toMatchObject({ kind: 'lost', sent: true, reason: 'UND_ERR_HEADERS_OVERFLOW' })
	})
})
