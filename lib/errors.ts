import { type AwsFailure, findAwsFailure } from './aws-error.ts'

interface Rule {
	/** The same delivery may be tried again. */
	retryable: boolean
	/** The longest first wait in the queue, in seconds; it doubles with each receive (`queue/back-off.ts`). */
	firstWaitSeconds?: number
}

const DEFAULT_FIRST_WAIT_SECONDS = 10

/** What each code asks of a trigger. NCP's own codes can ask for a longer wait: `ncp/return-codes.ts`. */
const RULES = {
	CONFIG_INVALID: { retryable: false },
	REQUEST_UNREADABLE: { retryable: false },
	REQUEST_INVALID: { retryable: false },
	IDEMPOTENCY_MISMATCH: { retryable: false },
	DESTINATION_TAKEN: { retryable: false }, // another instance's copy is there, or will be
	NCP_REFUSED: { retryable: false },
	NCP_CREDENTIALS: { retryable: true, firstWaitSeconds: 60 }, // an operator must act
	NCP_LATER: { retryable: true },
	NCP_UNKNOWN: { retryable: false },
	IN_PROGRESS: { retryable: true, firstWaitSeconds: 5 }, // the other delivery ends within the function's time-out
	SECRET_UNREADABLE: { retryable: true },
	LEDGER_UNAVAILABLE: { retryable: true },
	QUEUE_UNAVAILABLE: { retryable: true },
	PUBLISH_FAILED: { retryable: true, firstWaitSeconds: 2 }, // the export is settled; only the topic is late
	SCHEDULE_FAILED: { retryable: true, firstWaitSeconds: 2 }, // the outcome is published; only its check is not asked for
	EXPORT_GONE: { retryable: false }, // the check is delivered again all the same: a lost table's items may be copied back
	EXPORT_NOT_FOUND: { retryable: false },
	NOT_ARRIVED: { retryable: false },
	NOT_VERIFIABLE: { retryable: false },
	OBJECT_AMBIGUOUS: { retryable: false }, // what lies there may be another export's
	POLICY_INVALID: { retryable: false },
	BUCKET_UNREADABLE: { retryable: true }, // nothing is concluded from a listing that is not there
	DEADLINE_NEAR: { retryable: true, firstWaitSeconds: 2 }, // the batch was full; the message is fine
	INTERNAL: { retryable: true },
} as const satisfies Record<string, Rule>

export type ErrorCode = keyof typeof RULES

export const ERROR_CODES = Object.keys(RULES) as ErrorCode[]

/** True when the same delivery may be tried again. */
export function isRetryable(code: ErrorCode): boolean {
	return RULES[code].retryable
}

/** The longest first wait after an error with this code, in seconds. */
export function firstWaitSecondsOf(code: ErrorCode): number {
	const rule: Rule = RULES[code]
	return rule.firstWaitSeconds ?? DEFAULT_FIRST_WAIT_SECONDS
}

export interface ExportErrorOptions {
	cause?: unknown
	/** How long NCP, or another delivery's lease, asks us to wait, in seconds. */
	retryAfterSeconds?: number | null
	/** In place of the code's own, when NCP's answer says more. */
	firstWaitSeconds?: number | null
	/** `{envelope}/{code}` of NCP's reply. */
	replyCode?: string | null
	/** NCP may have done the export, but its outcome is not stored. */
	mayBeDone?: boolean
}

/**
 * The error that use cases and ports throw. Lambda logs every enumerable property of what a handler throws, so the properties
 * hold codes, flags and waits only; the message holds no secret and at most 80 characters of foreign text.
 */
export class ExportError extends Error {
	readonly code: ErrorCode
	readonly retryable: boolean
	readonly retryAfterSeconds: number | null
	readonly firstWaitSeconds: number
	readonly replyCode: string | null
	readonly mayBeDone: boolean
	/** The failed call of AWS that it comes from, if any. */
	declare readonly aws: AwsFailure | null

	constructor(code: ErrorCode, message: string, options: ExportErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause })
		this.code = code
		this.retryable = isRetryable(code)
		this.retryAfterSeconds = options.retryAfterSeconds ?? null
		this.firstWaitSeconds = options.firstWaitSeconds ?? firstWaitSecondsOf(code)
		this.replyCode = options.replyCode ?? null
		this.mayBeDone = options.mayBeDone ?? false
		// For our log lines, which say it in fields.
		Object.defineProperty(this, 'aws', { value: findAwsFailure(options.cause) })
		// Step Functions matches `Retry` and `Catch` on the name.
		setName(this, this.retryable ? 'ExportRetryable' : 'ExportFailed')
	}
}

/** Not enumerable, as on every built-in error. */
function setName(error: Error, name: string): void {
	Object.defineProperty(error, 'name', { value: name, configurable: true })
}

/** There is no outcome of an export with this id, not yet or not any more. */
export class ExportNotFound extends ExportError {
	constructor(exportId: string) {
		super('EXPORT_NOT_FOUND', `there is no outcome of export ${cut(exportId)}`)
		setName(this, 'ExportNotFound')
	}
}

/** Wraps anything thrown in an error with a code; a foreign error becomes `INTERNAL`, with the original as `cause`. */
export function toExportError(error: unknown): ExportError {
	if (error instanceof ExportError) return error
	const name = error instanceof Error ? error.name : typeof error
	return new ExportError('INTERNAL', `unexpected ${name}`, { cause: error })
}

/** What went wrong, in words that may be logged: AWS's answer, or the name of any other error. */
export function toReason(error: unknown): string {
	return findAwsFailure(error) === null && !(error instanceof ExportError)
		? cut(error instanceof Error ? error.name : typeof error)
		: (error as Error).message
}

/** One field of a request that breaks a rule; `detail` is a sentence for the caller. */
export interface Problem {
	field: string
	detail: string
}

/** A coverage policy that breaks a rule. `problems` has all of them, by field. */
export class PolicyInvalid extends ExportError {
	readonly problems: readonly Problem[]

	constructor(problems: readonly Problem[]) {
		super('POLICY_INVALID', `the policy is invalid: ${toText(problems)}`)
		this.problems = problems
		setName(this, 'PolicyInvalid')
	}
}

function toText(problems: readonly Problem[]): string {
	return problems.map(({ field, detail }) => `${field} ${detail}`).join('; ')
}

/** Unreadable = no fields could be found in it; invalid = a field breaks a rule; the others = it conflicts with an earlier one. */
export type RequestInvalidCode =
	| 'REQUEST_UNREADABLE'
	| 'REQUEST_INVALID'
	| 'IDEMPOTENCY_MISMATCH'
	| 'DESTINATION_TAKEN'

/** A request that was rejected as it is; NCP was not called. */
export class RequestInvalid extends ExportError {
	declare readonly code: RequestInvalidCode
	readonly problems: readonly Problem[]

	constructor(problems: readonly Problem[], code: RequestInvalidCode = 'REQUEST_INVALID') {
		super(code, toText(problems))
		this.problems = problems
		setName(this, 'RequestInvalid')
	}
}

/** Cuts foreign text to `length` characters, so that no message carries a whole body. */
export function cut(text: string, length = 80): string {
	return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}
