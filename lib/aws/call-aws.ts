import type { Dispatcher } from 'undici'
import type { Deadline } from '../deadline.ts'
import { parseRecord } from '../formats/json.ts'
import { type ExchangeResult, sendOnce } from '../http-client/send-once.ts'
import { type AwsCredentials, createSigner } from './sign-request.ts'

export interface AwsService {
	service: 'dynamodb' | 'secretsmanager' | 'sns' | 'sqs'
	region: string
	/** Without a path. */
	endpoint: string
	credentials: () => Promise<AwsCredentials>
	/** One try, from connect to last byte. */
	timeoutMs: number
	createDispatcher: (origin: string) => Dispatcher
	/** Milliseconds since the epoch. */
	now: () => number
	sleep: (ms: number) => Promise<unknown>
	random: () => number
}

/**
 * Resolves with the body of a 200. Ends within `limitMs`, all tries together; without it, three tries of
 * `timeoutMs` and the waits between them. Throws `AwsError`.
 */
export type CallAws = (
	headers: Readonly<Record<string, string>>,
	body: string,
	limitMs?: number,
) => Promise<string>

/** The same calls, each of which ends before the deadline. */
export function endBefore(deadline: Deadline, call: CallAws): CallAws {
	return (headers, body) => call(headers, body, deadline.leftMs())
}

/** A failed call of AWS. Its name is AWS's own code, or the code of the connection's failure. */
export class AwsError extends Error {
	constructor(name: string, options?: ErrorOptions) {
		super(name, options)
		Object.defineProperty(this, 'name', { value: name, configurable: true })
	}
}

const MAX_TRIES = 3
const BASE_DELAY_MS = 50
/** A throttled service needs a longer pause. */
const THROTTLED_DELAY_MS = 500

/** The largest possible answer is an item of 400 KB in JSON. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024

/** Transient error codes, of a request or of one entry of a batch. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html, https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html */
export const TRANSIENT_ERROR_CODES: ReadonlySet<string> = new Set([
	'InternalError',
	'InternalErrorException',
	'InternalFailure',
	'KMSThrottling',
	'KMSThrottlingException',
	'LimitExceededException',
	'ProvisionedThroughputExceededException',
	'RequestLimitExceeded',
	'RequestThrottled',
	'RequestThrottledException',
	'RequestTimeout',
	'ServiceUnavailable',
	'SlowDown',
	'Throttled',
	'ThrottledException',
	'Throttling',
	'ThrottlingException',
	'TooManyRequestsException',
	'TransactionInProgressException',
])

/** Transient whatever the error's name. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429])

/**
 * Signs and sends requests to one AWS service, on the same HTTP stack as NCP's: with two SDK clients instead, a cold start
 * takes 1.6 times as long (docs/performance.md). Makes up to three tries, with full jitter, also when an answer was lost: it must
 * do no harm if a request is carried out twice.
 */
export function createAwsCaller(options: AwsService): CallAws {
	const { service, region, timeoutMs, now, sleep, random } = options
	const { origin, host } = new URL(options.endpoint)
	const dispatcher = options.createDispatcher(origin)
	const sign = createSigner(service, region)
	return async (given, body, limitMs = Number.POSITIVE_INFINITY) => {
		const endsAt = performance.now() + limitMs
		const left = (): number => Math.floor(endsAt - performance.now())
		for (let tries = 1; ; tries++) {
			if (left() <= 0) throw new AwsError('NoTimeLeft')
			const credentials = await options.credentials()
			const headers = sign({ headers: { ...given, host }, body, nowMs: now() }, credentials)
			const timed = { timeoutMs: Math.min(timeoutMs, Math.max(1, left())), maxReplyBytes: MAX_REPLY_BYTES }
			const exchanged = { origin, method: 'POST', target: '/', headers, body, ...timed } as const
			const result = await sendOnce(dispatcher, exchanged)
			if (result.kind === 'replied' && result.reply.httpStatus === 200) return result.reply.body
			const error = toAwsError(result)
			if (tries === MAX_TRIES || !isTransient(result, error)) throw error
			const baseMs = TRANSIENT_ERROR_CODES.has(error.name) ? THROTTLED_DELAY_MS : BASE_DELAY_MS
			const delayMs = random() * baseMs * 2 ** (tries - 1)
			// The answer says more than a try that is cut short would.
			if (left() <= delayMs) throw error
			await sleep(delayMs)
		}
	}
}

function isTransient(result: ExchangeResult, { name }: AwsError): boolean {
	if (result.kind !== 'replied' || TRANSIENT_ERROR_CODES.has(name)) return true
	const { httpStatus } = result.reply
	return httpStatus >= 500 || TRANSIENT_STATUSES.has(httpStatus)
}

function toAwsError(result: ExchangeResult): AwsError {
	if (result.kind !== 'replied') return new AwsError(result.reason)
	const { body, headers, httpStatus } = result.reply
	// JSON services name it in a header or as `__type`, `com.amazonaws…#Name:http://…`; Query services as `<Code>`.
	const name =
		/^(?:[^#:]*#)?([\w.]+)/.exec(String(headers['x-amzn-errortype'] ?? ''))?.[1] ??
		/"__type"\s*:\s*"(?:[^"#:]*#)?([\w.]+)/.exec(body)?.[1] ??
		/<Code>([\w.]+)<\/Code>/.exec(body)?.[1]
	return new AwsError(name ?? `HTTP ${httpStatus}`)
}

/** The fields of a JSON answer. Throws `AwsError` for any other text: a proxy, not AWS, has answered. */
export function parseAnswer(text: string): Record<string, unknown> {
	const answer = parseRecord(text)
	if (answer === null) throw new AwsError('NoAnswer')
	return answer
}
