import { type Dispatcher, Pool } from 'undici'
import type { KeyPair } from '../config.ts'
import { type ExchangeResult, exchange } from './exchange.ts'
import { classifyReply, type Reply, toLostReply } from './reply.ts'
import { sign } from './sign.ts'

export const EXPORT_PATH = '/vpostgresql/v2/exportBackupToObjectStorage'

const MAX_REPLY_BYTES = 1024 * 1024

/** A frozen function keeps sockets that the other side has closed long ago; a POST on one is a lost reply. */
const MAX_IDLE_MS = 3_000

export interface NcpClientOptions {
	/** Base of the API without a trailing slash. */
	apiUrl: string
	keys: KeyPair
	/** Time limit of one call, from connect to last byte. */
	timeoutMs: number
	/** Milliseconds since the epoch; signs every call. */
	now: () => number
	/** GET signs and sends the parameters as a query. NCP's own SDK posts a form, and so do we. */
	method?: 'GET' | 'POST'
	/** Called again whenever the connections may have gone stale. */
	createDispatcher?: (origin: string, timeoutMs: number) => Dispatcher
}

/** What the action is asked with; the names are the API's own. */
export interface ExportParameters {
	cloudPostgresqlInstanceNo: string
	fileName: string
	bucketName: string
	regionCode?: string | undefined
	responseFormatType?: 'xml' | 'json' | undefined
}

/** `timeoutMs` may only shorten the client's own limit. Total: a failure of any kind is a Reply. */
export type CallNcp = (parameters: ExportParameters, timeoutMs?: number) => Promise<Reply>

/**
 * Signs and sends the export action. One call is one HTTP exchange: nothing is repeated here, since a second POST may
 * be a second export. Source of path and parameters: NCP API guide, database-vpostgresql-exportbackuptoobjectstorage.
 */
export function createNcpClient(options: NcpClientOptions): CallNcp {
	const { keys, now, method = 'POST', createDispatcher = createPool } = options
	const { origin, pathname } = new URL(options.apiUrl)
	const path = pathname.replace(/\/$/, '') + EXPORT_PATH
	let dispatcher = createDispatcher(origin, options.timeoutMs)
	let usedMs = now()

	const freshDispatcher = (): Dispatcher => {
		if (Math.abs(now() - usedMs) > MAX_IDLE_MS) {
			// Not awaited: calls still under way on the old connections finish there.
			dispatcher.close().catch(() => undefined)
			dispatcher = createDispatcher(origin, options.timeoutMs)
		}
		usedMs = now()
		return dispatcher
	}

	return async (parameters, timeoutMs = options.timeoutMs) => {
		const form = encodeForm(parameters)
		const target = method === 'GET' ? `${path}?${form}` : path
		const timestamp = String(now())
		const result = await exchange(freshDispatcher(), {
			origin,
			method,
			target,
			headers: {
				'x-ncp-apigw-timestamp': timestamp,
				'x-ncp-iam-access-key': keys.accessKey,
				'x-ncp-apigw-signature-v2': sign(
					{ method, target, timestamp, accessKey: keys.accessKey },
					keys.secretKey,
				),
				...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
			},
			body: method === 'POST' ? form : null,
			timeoutMs: Math.min(timeoutMs, options.timeoutMs),
			maxReplyBytes: MAX_REPLY_BYTES,
		})
		usedMs = now()
		return toReply(result)
	}
}

function toReply(result: ExchangeResult): Reply {
	switch (result.kind) {
		case 'replied':
			return classifyReply(result.reply)
		case 'partial':
			// A status came: it decides, as for any body that cannot be read.
			return { ...classifyReply(result.reply), message: `the reply was cut short (${result.reason})` }
		case 'lost':
			return toLostReply(result.sent, result.reason)
	}
}

/** Percent-encoded UTF-8 with %20, not +: one text serves as form body and as query, where + is ambiguous. */
export function encodeForm(parameters: ExportParameters): string {
	const { regionCode, fileName, bucketName, cloudPostgresqlInstanceNo, responseFormatType } = parameters
	return Object.entries({ regionCode, fileName, bucketName, cloudPostgresqlInstanceNo, responseFormatType })
		.filter((pair): pair is [string, string] => pair[1] !== undefined)
		.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
		.join('&')
}

function createPool(origin: string, timeoutMs: number): Dispatcher {
	return new Pool(origin, {
		// A batch is at most ten records; pipelining would tie one call's fate to another's.
		connections: 10,
		pipelining: 1,
		allowH2: false,
		keepAliveTimeout: MAX_IDLE_MS,
		keepAliveMaxTimeout: MAX_IDLE_MS,
		connect: { timeout: timeoutMs },
		headersTimeout: timeoutMs,
		bodyTimeout: timeoutMs,
		maxHeaderSize: 16 * 1024,
	})
}
