import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'

/** Others follow after this, session or not: a lost packet of the first connection must not hold up all. */
const MAX_WAIT_MS = 250

/**
 * Opens the connections of one pool. To an https origin the first connection goes ahead, and those that are asked for meanwhile
 * follow when it has a session to resume: without certificates to verify, their handshakes cost a third of the processor time
 * (docs/performance.md). When the first one fails, or the server gives no session, the others connect on their own.
 */
export function createConnector(connectMs: number): buildConnector.connector {
	const plain = buildConnector({ timeout: connectMs, allowH2: false })
	/** undici resumes the newest session, and holds it only weakly. */
	let session: Buffer | null = null
	let first: Promise<void> | null = null
	let secure: buildConnector.connector | null = null

	const open: buildConnector.connector = (options, callback) => {
		secure ??= buildConnector({ timeout: connectMs, allowH2: false, secureContext: shareContext() })
		const socket = secure(options, callback) as unknown as TLSSocket
		socket.on('session', (newest) => {
			session = newest
		})
		return socket
	}

	return (options, callback) => {
		if (options.protocol !== 'https:') return plain(options, callback)
		if (session !== null) return open(options, callback)
		if (first !== null) return void first.then(() => open(options, callback))
		const socket = open(options, callback) as unknown as TLSSocket
		first = waitForSession(socket).finally(() => {
			first = null
		})
		return socket
	}
}

/** Resolves with a session, or when none is to be expected. TLS 1.3 sends it after the handshake, within one more round trip. */
function waitForSession(socket: TLSSocket): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>()
	const startedMs = performance.now()
	const timers = [setTimeout(resolve, MAX_WAIT_MS)]
	socket.once('session', () => resolve())
	socket.once('secureConnect', () => timers.push(setTimeout(resolve, performance.now() - startedMs)))
	socket.once('close', () => resolve())
	return promise.finally(() => timers.forEach(clearTimeout))
}

let context: SecureContext | undefined

/** One for all connections: Node.js would make one for each. */
function shareContext(): SecureContext {
	context ??= createSecureContext()
	return context
}
