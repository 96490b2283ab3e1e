/** Where NCP put its code. The same number means different things in different envelopes. */
export type Envelope = 'gateway' | 'api' | 'response' | 'none'

/** `later` = not done, ask again; `unknown` = it may or may not have been done. */
export type ReplyKind = 'accepted' | 'refused' | 'credentials' | 'later' | 'unknown'

type Codes = Readonly<Record<string, ReplyKind>>

/** Codes in `{ error: { errorCode } }`. Source: NCP API guide, API Gateway error codes. */
const GATEWAY: Codes = {
	'100': 'refused', // Bad Request Exception
	'200': 'credentials', // Authentication Failed: wrong key, wrong signature or a clock 5 minutes off
	'210': 'credentials', // Permission Denied
	'300': 'refused', // Not Found Exception
	'400': 'later', // Quota Exceeded
	'410': 'later', // Throttle Limited
	'420': 'later', // Rate Limited
	'430': 'refused', // Request Entity Too Large
	'500': 'later', // Endpoint Error
	'510': 'unknown', // Endpoint Timeout: the endpoint may have done it
	'900': 'unknown', // Unexpected Error
}

/** Codes in `{ responseError: { returnCode } }` and in the action's own response. */
const API: Codes = {
	'1000': 'later', // temporary, HTTP 500; seen by third parties
	'3000': 'later', // temporary, HTTP 500; seen by third parties
	'5001005': 'later', // the cluster is busy, HTTP 400; seen by third parties
	'5001017': 'refused', // no such instance or backup, HTTP 400; NCP API guide
	'5001269': 'refused', // the cluster is deleted, HTTP 400; seen by third parties
}

/** What a code says, by envelope first and by HTTP status last. Total: every input has a kind. */
export function classifyCode(envelope: Envelope, code: string | null, httpStatus: number): ReplyKind {
	if (code !== null) {
		if (envelope === 'response' && code === '0') return 'accepted'
		const known = kindOf(envelope === 'gateway' ? GATEWAY : API, envelope, code)
		if (known !== undefined) return known
		if (envelope === 'api' || envelope === 'response') return classifyApiStatus(httpStatus)
	}
	return classifyStatus(httpStatus)
}

function kindOf(codes: Codes, envelope: Envelope, code: string): ReplyKind | undefined {
	return envelope !== 'none' && Object.hasOwn(codes, code) ? codes[code] : undefined
}

/** The API answered with a code that no table knows: it did not do it, but 2xx contradicts that. */
function classifyApiStatus(httpStatus: number): ReplyKind {
	if (httpStatus >= 400 && httpStatus < 500) return 'refused'
	return httpStatus >= 500 ? 'later' : 'unknown'
}

/** No code to go by: a proxy's page, an empty or a cut body. */
function classifyStatus(httpStatus: number): ReplyKind {
	if (httpStatus === 408 || httpStatus === 429) return 'later'
	return httpStatus >= 400 && httpStatus < 500 ? 'refused' : 'unknown'
}
