import type { Envelope, ReplyKind } from '../reply.ts'

interface Meaning {
	kind: ReplyKind
	/** The longest first wait in the queue, in seconds, where this passes more slowly than other failures of its kind. */
	firstWaitSeconds?: number
}

type Codes = Readonly<Record<string, Meaning>>

/** Codes in `{ error: { errorCode } }`. Source: NCP API guide, API Gateway error codes. */
const GATEWAY: Codes = {
	'100': { kind: 'refused' }, // Bad Request Exception
	'200': { kind: 'credentials' }, // Authentication Failed: wrong key, wrong signature or a clock 5 minutes off
	'210': { kind: 'credentials' }, // Permission Denied
	'300': { kind: 'refused' }, // Not Found Exception
	'400': { kind: 'later', firstWaitSeconds: 300 }, // Quota Exceeded
	'410': { kind: 'later' }, // Throttle Limited
	'420': { kind: 'later' }, // Rate Limited
	'430': { kind: 'refused' }, // Request Entity Too Large
	'500': { kind: 'later' }, // Endpoint Error
	'510': { kind: 'unknown' }, // Endpoint Timeout: the endpoint may have done it
	'900': { kind: 'unknown' }, // Unexpected Error
}

/** Codes in `{ responseError: { returnCode } }` and in the action's own response. */
const API: Codes = {
	'1000': { kind: 'later' }, // temporary, HTTP 500; seen by third parties
	'3000': { kind: 'later' }, // temporary, HTTP 500; seen by third parties
	'5001005': { kind: 'later', firstWaitSeconds: 60 }, // the cluster is busy, HTTP 400; seen by third parties
	'5001017': { kind: 'refused' }, // no such instance or backup, HTTP 400; NCP API guide
	'5001269': { kind: 'refused' }, // the cluster is deleted, HTTP 400; seen by third parties
}

/** What a code means: by its envelope first, by the HTTP status last. Total: every input has a meaning. */
export function classifyCode(envelope: Envelope, code: string | null, httpStatus: number): Meaning {
	if (code === null || envelope === 'none') return { kind: classifyStatus(httpStatus) }
	if (envelope === 'response' && code === '0') return { kind: 'accepted' }
	const codes = envelope === 'gateway' ? GATEWAY : API
	const known = Object.hasOwn(codes, code) ? codes[code] : undefined
	if (known !== undefined) return known
	return { kind: envelope === 'gateway' ? classifyStatus(httpStatus) : classifyApiStatus(httpStatus) }
}

/** The API answered with a code that no table knows. It did not do it, but a 2xx contradicts that. */
function classifyApiStatus(httpStatus: number): ReplyKind {
	if (httpStatus >= 400 && httpStatus < 500) return 'refused'
	return httpStatus >= 500 ? 'later' : 'unknown'
}

/** There is no code to go by: a proxy's page, an empty or a truncated body. */
function classifyStatus(httpStatus: number): ReplyKind {
	if (httpStatus === 408 || httpStatus === 429) return 'later'
	return httpStatus >= 400 && httpStatus < 500 ? 'refused' : 'unknown'
}
