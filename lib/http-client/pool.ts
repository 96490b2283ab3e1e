import { type Dispatcher, Pool } from 'undici'

export interface PoolOptions {
	connections: number
	connectMs: number
	/** How long an idle connection is kept. */
	idleMs: number
}

/**
 * Keep-alive connections to one origin, one request at a time on each: pipelining would tie one's fate to another's. How
 * long an answer may take is for `exchange` to say: undici's own limits are coarse.
 */
export function createPool(origin: string, { connections, connectMs, idleMs }: PoolOptions): Dispatcher {
	return new Pool(origin, {
		connections,
		pipelining: 1,
		allowH2: false,
		keepAliveTimeout: idleMs,
		keepAliveMaxTimeout: idleMs,
		connect: { timeout: connectMs },
		headersTimeout: 0,
		bodyTimeout: 0,
		maxHeaderSize: 16 * 1024,
	})
}
