import { type Dispatcher, Pool } from 'undici'

export interface PoolOptions {
	connections: number
	/** To connect, and between two bytes of an answer. */
	timeoutMs: number
	/** How long an idle connection is kept. */
	idleMs: number
}

/** Keep-alive connections to one origin, one request at a time on each: pipelining would tie one's fate to another's. */
export function createPool(origin: string, { connections, timeoutMs, idleMs }: PoolOptions): Dispatcher {
	return new Pool(origin, {
		connections,
		pipelining: 1,
		allowH2: false,
		keepAliveTimeout: idleMs,
		keepAliveMaxTimeout: idleMs,
		connect: { timeout: timeoutMs },
		headersTimeout: timeoutMs,
		bodyTimeout: timeoutMs,
		maxHeaderSize: 16 * 1024,
	})
}
