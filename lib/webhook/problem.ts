import type { InferOutput } from 'valibot'
import { type ExportError, type Problem, RequestInvalid } from '../errors.ts'
import type { HttpResponse } from './gateway-event.ts'
import type { problemSchema } from './problem-schema.ts'

export type ProblemDetails = InferOutput<typeof problemSchema>

const TITLES: Readonly<Record<number, string>> = {
	400: 'The body cannot be read',
	401: 'Not authenticated',
	404: 'Not found',
	405: 'Method not allowed',
	409: 'In progress',
	413: 'The body is too large',
	415: 'The content type is not supported',
	422: 'The request is invalid',
	500: 'Internal error',
	503: 'Try again later',
}

export interface ProblemInput {
	status: number
	code: string
	detail: string
	instance: string
	retryable?: boolean
	errors?: readonly Problem[]
	ncpCode?: string | null
	envelope?: string | null
	title?: string
	headers?: Record<string, string>
}

export function toProblemResponse({ headers, retryable = false, ...problem }: ProblemInput): HttpResponse {
	const details: ProblemDetails = {
		type: `urn:problem-type:ncp-backup-exporter:${problem.code.toLowerCase().replaceAll('_', '-')}`,
		title: TITLES[problem.status] ?? 'Error',
		retryable,
		...problem,
	}
	return {
		status: problem.status,
		headers: { 'content-type': 'application/problem+json', ...headers },
		body: JSON.stringify(details),
	}
}

const INVALID_RESPONSES: Readonly<Record<RequestInvalid['code'], Pick<ProblemInput, 'status' | 'title'>>> = {
	REQUEST_UNREADABLE: { status: 400 },
	REQUEST_INVALID: { status: 422 },
	IDEMPOTENCY_MISMATCH: { status: 422 },
	DESTINATION_TAKEN: { status: 409, title: 'The destination is taken' },
}

/** How long a caller is asked to wait when NCP named no time, in seconds. */
const RETRY_AFTER_SECONDS = 30

const STATUSES: Readonly<Partial<Record<string, number>>> = { INTERNAL: 500, IN_PROGRESS: 409 }

/** The response for an error: the caller must correct an invalid request, and can send any other one again. */
export function toErrorResponse(error: ExportError, instance: string): HttpResponse {
	if (error instanceof RequestInvalid) {
		return toProblemResponse({
			...INVALID_RESPONSES[error.code],
			code: error.code,
			detail: error.message,
			instance,
			errors: error.problems,
		})
	}
	const { code, retryable } = error
	const retryAfter = String(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS)
	return toProblemResponse({
		status: STATUSES[code] ?? 503,
		code,
		retryable,
		detail: DETAILS[code] ?? 'The export is not finished; send the request again.',
		instance,
		headers: { 'retry-after': retryAfter },
	})
}

/** What a caller may know. The log has the rest. */
const DETAILS: Readonly<Partial<Record<string, string>>> = {
	NCP_LATER: 'NCP has not done it yet. Send the request again.',
	NCP_CREDENTIALS:
		'The service cannot authenticate to NCP; its operator has to act. Send the request again later.',
	PUBLISH_FAILED: 'The outcome could not be published. Send the request again.',
	SCHEDULE_FAILED: 'The arrival check could not be asked for. Send the request again.',
	IN_PROGRESS: 'The same export is being worked on. Send the request again to get its outcome.',
	SECRET_UNREADABLE:
		'The service cannot read its secret now; its operator has to act. Send the request again later.',
	QUEUE_UNAVAILABLE: 'The request could not be put on the queue. Send it again.',
	LEDGER_UNAVAILABLE: 'The state of exports cannot be read or written. Send the request again.',
	DEADLINE_NEAR: 'There was no time left and nothing was sent. Send the request again.',
}

/** For an event that is not an HTTP request in a known format. */
export function toUnsupportedResponse(): HttpResponse {
	const detail = 'The function is not called by an HTTP API, a function URL, a REST API or a load balancer.'
	return toProblemResponse({ status: 400, code: 'EVENT_UNSUPPORTED', detail, instance: '/' })
}
