import { type ErrorCode, ExportError } from './errors.ts'

/** Where NCP put its code. The same number means different things in different envelopes. */
export type Envelope = 'gateway' | 'api' | 'response' | 'none'

/** `later` = not done, ask again; `unknown` = it may or may not have been done. */
export type ReplyKind = 'accepted' | 'refused' | 'credentials' | 'later' | 'unknown'

/** What NCP answered, or that nothing readable came back. `null` = not known. */
export interface Reply {
	kind: ReplyKind
	envelope: Envelope
	/** NCP's code as text; it means nothing without its envelope. */
	code: string | null
	message: string
	httpStatus: number | null
	requestId: string | null
	/** Set only when the action's own response or an API error was read. */
	returnCode: string | null
	returnMessage: string | null
	traceId: string | null
	retryAfterSeconds: number | null
	/** The longest first wait, in seconds, when the code asks for another one than its kind. */
	firstWaitSeconds: number | null
	/** The gateway's clock, milliseconds since the epoch. */
	dateMs: number | null
	/** False when not one byte of the request left this machine. */
	sent: boolean
	/** Why the call could not even be signed; null when NCP was asked. */
	failure: ExportError | null
	/** What the call was signed with, once it was. */
	signed: { atMs: number; keyVersion: number } | null
}

const ERRORS = {
	refused: ['NCP_REFUSED', 'NCP will not do it as asked'],
	unknown: ['NCP_UNKNOWN', 'it may or may not have been done'],
	later: ['NCP_LATER', 'NCP has not done it yet'],
	credentials: ['NCP_CREDENTIALS', 'NCP does not accept the key pair'],
} as const satisfies Record<Exclude<ReplyKind, 'accepted'>, readonly [ErrorCode, string]>

/** Null for an accepted export; otherwise the error whose code says what the reply means for the request. */
export function toReplyError(reply: Reply): ExportError | null {
	const { kind, envelope, code, message, retryAfterSeconds, firstWaitSeconds } = reply
	if (kind === 'accepted') return null
	if (reply.failure !== null) return reply.failure
	const [errorCode, meaning] = ERRORS[kind]
	const said = code === null ? message : `${message} (code ${code})`
	const replyCode = code === null ? null : `${envelope}/${code}`
	return new ExportError(errorCode, `${meaning}: ${said}`, { retryAfterSeconds, firstWaitSeconds, replyCode })
}
