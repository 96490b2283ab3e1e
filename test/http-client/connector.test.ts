import { constants } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer as createFront, type Server, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createPool } from '../../lib/http-client/pool.ts'
import { sendOnce } from '../../lib/http-client/send-once.ts'
import { createCertificates } from '../certificates.ts'

const certificates = createCertificates()
const trusted = getCACertificates('default')
beforeAll(() => setDefaultCACertificates([...trusted, certificates.root]))
afterAll(() => setDefaultCACertificates(trusted))

/** What becomes of the first TCP connection. */
type First = 'served' | 'closed' | 'held'

async function listenOn(server: Server): Promise<number> {
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	return (server.address() as AddressInfo).port
}

/** A TLS server that answers once `batch` requests have arrived, so that each needs a connection of its own. */
async function start({
	batch,
	first = 'served',
	...options
}: { batch: number; first?: First } & ServerOptions) {
	const handshakes: ('full' | 'resumed')[] = []
	const requests: string[] = []
	const answers: (() => void)[] = []
	const server = createServer({ key: certificates.key, cert: certificates.chain, ...options })
	server.on('request', (request, response) => {
		requests.push(request.url ?? '')
		answers.push(() => response.end('x'))
		if (answers.length === batch) for (const answer of answers.splice(0)) answer()
	})
	server.on('secureConnection', (socket: TLSSocket) =>
		handshakes.push(socket.isSessionReused() ? 'resumed' : 'full'),
	)
	const port = await listenOn(server)
	const sockets: Socket[] = []
	const front = createFront((socket) => {
		socket.on('error', () => undefined)
		const isFirst = sockets.push(socket) === 1
		if (isFirst && first === 'closed') socket.destroy()
		if (isFirst && first !== 'served') return
		const served = connect(port, '127.0.0.1')
		served.on('error', () => undefined)
		socket.pipe(served).pipe(socket)
	})
	const origin = `https://localhost:${await listenOn(front)}`
	const pool = createPool(origin, { connections: 10, connectMs: 1_000, idleMs: 5_000 })
	onTestFinished(async () => {
		await pool.destroy()
		for (const socket of sockets) socket.destroy()
		server.close()
		front.close()
	})
	const send = (name: string) =>
		sendOnce(pool, {
			origin,
			method: 'POST',
			target: name,
			headers: {},
			body: 'b',
			timeoutMs: 10_000,
			maxReplyBytes: 1_000,
		})
	return { send, handshakes, requests }
}

const NAMES = Array.from({ length: 10 }, (_, index) => `/${index}`)
const OTHERS = NAMES.slice(1)

const replied = (results: readonly { kind: string }[]) =>
	results.filter(({ kind }) => kind === 'replied').length

describe('the connections of a cold batch of ten', () => {
	it.each(['TLSv1.2', 'TLSv1.3'] as const)(
		'resume the session of the first one, over %s, and send each request once',
		async (version) => {
			const versions = { minVersion: version, maxVersion: version }
			const { send, handshakes, requests } = await start({ batch: 10, ...versions })
			expect(replied(await Promise.all(NAMES.map(send)))).toBe(10)
			expect(handshakes.sort()).toEqual(['full', ...OTHERS.map(() => 'resumed')])
			expect(requests.sort()).toEqual(NAMES)
		},
	)

	it('are all made when the server resumes no session', async () => {
		const { send, handshakes, requests } = await start({
			batch: 10,
			maxVersion: 'TLSv1.2',
			secureOptions: constants.SSL_OP_NO_TICKET,
		})
		expect(replied(await Promise.all(NAMES.map(send)))).toBe(10)
		expect(handshakes).toEqual(NAMES.map(() => 'full'))
		expect(requests.sort()).toEqual(NAMES)
	})

	it('are made without the first one when that fails, and nothing of its request was sent', async () => {
		const { send, requests } = await start({ batch: 9, first: 'closed' })
		const [first, ...others] = await Promise.all(NAMES.map(send))
		expect(first).toMatchObject({ kind: 'lost', sent: false })
		expect(replied(others)).toBe(9)
		expect(requests.sort()).toEqual(OTHERS)
	})

	it('wait for a first one that hangs no longer than a moment', async () => {
		const { send, requests } = await start({ batch: 9, first: 'held' })
		const first = send('/0')
		expect(replied(await Promise.all(OTHERS.map(send)))).toBe(9)
		expect(requests.sort()).toEqual(OTHERS)
		expect(await first).toMatchObject({ kind: 'lost', sent: false })
	})
})

it('trusts no server that nobody vouches for, and sends it nothing', async () => {
	const { key, chain } = createCertificates()
	const { send, requests } = await start({ batch: 1, key, cert: chain })
	expect(await send('/0')).toMatchObject({ kind: 'lost', sent: false })
	expect(requests).toEqual([])
})
