import { type Dispatcher, Pool } from 'undici'
import { createConnector } from './connector.ts'

export interface PoolOptions {
	connections: number
	connectMs: number
	/** How long an idle connection is kept. */
	idleMs: number
}

/**
 * Keep-alive connections to one origin, with one request at a time on each: with pipelining, one failure would take other
 * requests with it. `sendOnce` limits how long an answer may take, since undici's own timers are coarse.
 */
export function createPool(origin: string, { connections, connectMs, idleMs }: PoolOptions): Dispatcher {
	return new Pool(origin, {
		connections,
		pipelining: 1,
		allowH2: false,
		keepAliveTimeout: idleMs,
		keepAliveMaxTimeout: idleMs,
		connect: createConnector(connectMs),
		headersTimeout: 0,
		bodyTimeout: 0,
		maxHeaderSize: 16 * 1024,
	})
}
