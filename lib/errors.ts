/** What a trigger must do is decided by the code alone; the table says whether the same delivery may try again. */
export const RETRYABLE = {
	CONFIG_INVALID: false,
	REQUEST_UNREADABLE: false,
	REQUEST_INVALID: false,
	IDEMPOTENCY_MISMATCH: false,
	NCP_REFUSED: false,
	NCP_CREDENTIALS: true,
	NCP_LATER: true,
	NCP_UNKNOWN: false,
	IN_PROGRESS: true,
	SECRET_UNREADABLE: true,
	LEDGER_UNAVAILABLE: true,
	QUEUE_UNAVAILABLE: true,
	PUBLISH_FAILED: true,
	EXPORT_GONE: false,
	NOT_ARRIVED: false,
	NOT_VERIFIABLE: false,
	DEADLINE_NEAR: true,
	INTERNAL: true,
} as const

export type ErrorCode = keyof typeof RETRYABLE

export interface ExportErrorOptions {
	cause?: unknown
	/** How long NCP asked us to wait, in seconds. */
	retryAfterSeconds?: number | null
	/** `{envelope}/{code}` of NCP's reply. */
	replyCode?: string | null
	/** NCP may have done the export, but its outcome is not stored. */
	mayBeDone?: boolean
}

/**
 * The one error that crosses a room's border. Lambda logs every enumerable property of what a handler throws, so
 * only codes, the flag and the wait are enumerable; the message holds no secret and no body beyond 80 characters.
 */
export class ExportError extends Error {
	readonly code: ErrorCode
	readonly retryable: boolean
	readonly retryAfterSeconds: number | null
	readonly replyCode: string | null
	readonly mayBeDone: boolean

	constructor(code: ErrorCode, message: string, options: ExportErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause })
		this.code = code
		this.retryable = RETRYABLE[code]
		this.retryAfterSeconds = options.retryAfterSeconds ?? null
		this.replyCode = options.replyCode ?? null
		this.mayBeDone = options.mayBeDone ?? false
		// Step Functions matches `Retry` and `Catch` on the name.
		setName(this, this.retryable ? 'ExportRetryable' : 'ExportFailed')
	}
}

/** Not enumerable, as on every built-in error. */
function setName(error: Error, name: string): void {
	Object.defineProperty(error, 'name', { value: name, configurable: true })
}

/** Anything thrown as an error that has a code; a foreign one is kept as `cause`, never changed. */
export function toExportError(error: unknown): ExportError {
	if (error instanceof ExportError) return error
	const name = error instanceof Error ? error.name : typeof error
	return new ExportError('INTERNAL', `unexpected ${name}`, { cause: error })
}

/** One field of a request that breaks a rule; `detail` is a sentence for the caller. */
export interface Problem {
	field: string
	detail: string
}

/** Unreadable = no fields could be found in it; invalid = a field breaks a rule. */
export type RequestInvalidCode = 'REQUEST_UNREADABLE' | 'REQUEST_INVALID' | 'IDEMPOTENCY_MISMATCH'

/** A request that can never be carried out as it is; NCP was not asked. */
export class RequestInvalid extends ExportError {
	readonly problems: readonly Problem[]

	constructor(problems: readonly Problem[], code: RequestInvalidCode = 'REQUEST_INVALID') {
		super(code, problems.map(({ field, detail }) => `${field} ${detail}`).join('; '))
		this.problems = problems
		setName(this, 'RequestInvalid')
	}
}

/** Cuts foreign text to `length` characters, so that no message carries a whole body. */
export function cut(text: string, length = 80): string {
	return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}
