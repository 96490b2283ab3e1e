import type { Dispatcher } from 'undici'
import { inTime } from '../deadline.ts'
import { createPool } from '../http-client/pool.ts'
import { type ExchangeResult, sendOnce } from '../http-client/send-once.ts'
import type { Reply } from '../reply.ts'
import type { Clock } from './gateway-clock.ts'
import type { Credentials } from './key-pair.ts'
import { readReply, toLostReply, toUnsentReply } from './read-reply.ts'
import { sign } from './sign.ts'

const MAX_REPLY_BYTES = 1024 * 1024

/** A frozen function keeps sockets that the gateway closed long ago; a POST on such a socket is a lost reply. */
const MAX_IDLE_MS = 3_000

export type NcpMethod = 'GET' | 'POST'

export interface CallActionOptions {
	/** Base of the API without a trailing slash. */
	apiUrl: string
	credentials: Credentials
	/** Time limit of one call, from connect to last byte. */
	timeoutMs: number
	/** Signs every call. */
	clock: Clock
	/** GET signs and sends the parameters as a query, as NCP's API page shows it. NCP's own SDK posts a form. */
	method?: NcpMethod
	/** 1 MiB by default. */
	maxReplyBytes?: number
	/** Called again whenever the connections may be stale. */
	createDispatcher?: (origin: string, timeoutMs: number) => Dispatcher
}

/** Signs and sends one action with its form. Total: a failure of any kind is a Reply. `timeoutMs` may only shorten the caller's own limit. */
export type CallAction<Read extends Reply = Reply> = (
	path: string,
	form: string,
	timeoutMs: number,
) => Promise<Read>

/** What became of a call; `unsigned` = the key pair could not be read. */
export type Attempt = ExchangeResult | { kind: 'unsigned'; cause: unknown }

/** A caller that reads no more of a reply than how the action ended. */
export function createCallAction(options: CallActionOptions): CallAction {
	return createSignedCall(options, toReply)
}

/**
 * One call is one HTTP exchange. Nothing is repeated here: a second POST may be a second export. `read` may not throw, and
 * is given texts without keys and signatures.
 */
export function createSignedCall<Read extends Reply>(
	options: CallActionOptions,
	read: (attempt: Attempt) => Read,
): CallAction<Read> {
	const { credentials, clock, method = 'POST', createDispatcher = createNcpPool } = options
	const { maxReplyBytes = MAX_REPLY_BYTES } = options
	const { origin, pathname } = new URL(options.apiUrl)
	const base = pathname.replace(/\/$/, '')
	let dispatcher = createDispatcher(origin, options.timeoutMs)
	let usedMs = clock.now()

	const freshDispatcher = (): Dispatcher => {
		if (Math.abs(clock.now() - usedMs) > MAX_IDLE_MS) {
			// Not awaited: calls still under way on the old connections finish there.
			dispatcher.close().catch(() => undefined)
			dispatcher = createDispatcher(origin, options.timeoutMs)
		}
		usedMs = clock.now()
		return dispatcher
	}

	return async (action, form, timeoutMs) => {
		const limitMs = Math.min(timeoutMs, options.timeoutMs)
		const endsAt = performance.now() + limitMs
		// At most half of the limit: a call that starts too late does not get its reply.
		const keys = await inTime(limitMs / 2, credentials.get).catch((cause: unknown) => ({ cause }))
		if ('cause' in keys) return read({ kind: 'unsigned', cause: keys.cause })
		const keyVersion = credentials.version()
		const path = base + action
		const target = method === 'GET' ? `${path}?${form}` : path
		const signedAtMs = clock.now()
		const timestamp = String(signedAtMs)
		const signature = sign({ method, target, timestamp, accessKey: keys.accessKey }, keys.secretKey)
		const result = await sendOnce(freshDispatcher(), {
			origin,
			method,
			target,
			headers: {
				'x-ncp-apigw-timestamp': timestamp,
				'x-ncp-iam-access-key': keys.accessKey,
				'x-ncp-apigw-signature-v2': signature,
				...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
			},
			body: method === 'POST' ? form : null,
			timeoutMs: Math.floor(endsAt - performance.now()),
			maxReplyBytes,
		})
		usedMs = clock.now()
		const reply = read(withoutSecrets(result, [keys.accessKey, keys.secretKey, signature]))
		return { ...reply, signed: { atMs: signedAtMs, keyVersion } }
	}
}

/** Shorter texts are not keys, and would be found in any reply. */
const MIN_SECRET_LENGTH = 8

/** A gateway or proxy may quote the request in its answer, and the answer goes into logs and outcomes. */
function withoutSecrets(result: ExchangeResult, secrets: readonly string[]): ExchangeResult {
	if (result.kind === 'lost') return result
	const forms = secrets
		.filter(({ length }) => length >= MIN_SECRET_LENGTH)
		.flatMap((secret) => [secret, encodeURIComponent(secret)])
	const clean = (text: string): string => forms.reduce((left, form) => left.replaceAll(form, '***'), text)
	const headers = Object.entries(result.reply.headers).map(([name, value]) => [
		name,
		value && clean(String(value)),
	])
	return {
		...result,
		reply: { ...result.reply, headers: Object.fromEntries(headers), body: clean(result.reply.body) },
	}
}

/** Total: how the action ended, as far as the attempt shows it. */
export function toReply(attempt: Attempt): Reply {
	switch (attempt.kind) {
		case 'replied':
			return readReply(attempt.reply)
		case 'partial':
			// The status decides, as for any body that cannot be read.
			return { ...readReply(attempt.reply), message: `the reply was cut short (${attempt.reason})` }
		case 'lost':
			return toLostReply(attempt.sent, attempt.reason)
		case 'unsigned':
			return toUnsentReply(attempt.cause)
	}
}

/** A batch is at most ten records. */
const MAX_CONNECTIONS = 10

function createNcpPool(origin: string, timeoutMs: number): Dispatcher {
	return createPool(origin, { connections: MAX_CONNECTIONS, connectMs: timeoutMs, idleMs: MAX_IDLE_MS })
}
