import type { Dispatcher } from 'undici'

/** What came back over HTTP, not parsed yet. */
export interface RawReply {
	httpStatus: number
	headers: Readonly<Record<string, string | string[] | undefined>>
	body: string
}

export interface Exchange {
	origin: string
	method: 'GET' | 'POST'
	/** Path and query, sent byte for byte. */
	target: string
	headers: Record<string, string>
	body: string | null
	/** From now to the last byte of the reply. */
	timeoutMs: number
	maxReplyBytes: number
}

/** `partial` = a status came, but not the whole body; `sent` = a byte of the request may have left this machine. */
export type ExchangeResult =
	| { kind: 'replied'; reply: RawReply }
	| { kind: 'partial'; reply: RawReply; reason: string }
	| { kind: 'lost'; sent: boolean; reason: string }

/**
 * One HTTP exchange on undici's dispatch interface. Never throws, never redirects, never repeats, and always settles
 * within `timeoutMs`. undici calls `onRequestStart` on a connected socket just before it writes, so if it was not called,
 * nothing was sent, whatever the error's code says.
 */
export function sendOnce(dispatcher: Dispatcher, options: Exchange): Promise<ExchangeResult> {
	const { promise, resolve } = Promise.withResolvers<ExchangeResult>()
	const chunks: Buffer[] = []
	let bytes = 0
	let sent = false
	let head: Omit<RawReply, 'body'> | null = null
	let controller: Dispatcher.DispatchController | null = null
	let stopped: Error | null = null

	const fail = (reason: string): void => {
		clearTimeout(timer)
		if (head === null) resolve({ kind: 'lost', sent, reason })
		else resolve({ kind: 'partial', reply: { ...head, body: '' }, reason })
	}
	const stop = (reason: string): void => {
		stopped = new Error(reason)
		fail(reason)
		controller?.abort(stopped)
	}
	const timer = setTimeout(stop, options.timeoutMs, `no whole reply within ${options.timeoutMs} ms`)

	const { origin, method, target, headers, body } = options
	dispatcher.dispatch(
		{ origin, method, path: target, headers, body },
		{
			onRequestStart(started) {
				controller = started
				// Timed out while it waited for a connection: undici checks for this before it writes.
				if (stopped !== null) started.abort(stopped)
				else sent = true
			},
			onResponseStart(_controller, httpStatus, replyHeaders) {
				// An interim reply (1xx) is not the answer yet.
				if (httpStatus >= 200) head = { httpStatus, headers: replyHeaders }
			},
			onResponseData(_controller, chunk) {
				bytes += chunk.length
				if (bytes > options.maxReplyBytes) stop(`the reply is larger than ${options.maxReplyBytes} bytes`)
				else chunks.push(chunk)
			},
			onResponseEnd() {
				clearTimeout(timer)
				if (head === null) fail('no final status')
				else resolve({ kind: 'replied', reply: { ...head, body: Buffer.concat(chunks).toString('utf8') } })
			},
			onResponseError(_controller, error) {
				fail(codeOf(error))
			},
		},
	)
	return promise
}

/** Only the code: a foreign error's message may quote what was sent. */
function codeOf(error: Error): string {
	const { code, cause } = error as Error & { code?: unknown }
	if (typeof code === 'string') return code
	return cause instanceof Error ? codeOf(cause) : error.name
}
