import type { Dispatcher } from 'undici'
import { AwsError, type AwsFailure, TRANSIENT_ERROR_CODES, TRANSIENT_STATUSES } from '../aws-error.ts'
import type { Deadline } from '../deadline.ts'
import { cut } from '../errors.ts'
import { parseRecord } from '../formats/json.ts'
import { type ExchangeResult, sendOnce } from '../http-client/send-once.ts'
import { type AwsCredentials, createSigner } from './sign-request.ts'

export interface AwsService {
	service: 'dynamodb' | 'secretsmanager' | 'sns' | 'sqs'
	region: string
	/** What all calls are about, for errors: the name of the table, topic, queue or secret. */
	resource: string
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

const MAX_TRIES = 3
const BASE_DELAY_MS = 50
/** A throttled service needs a longer pause. */
const THROTTLED_DELAY_MS = 500

/** The largest possible answer is an item of 400 KB in JSON. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024

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
		const call = { service, action: actionOf(given, body), resource: options.resource }
		const left = (): number => Math.floor(endsAt - performance.now())
		for (let tries = 1; ; tries++) {
			if (left() <= 0) throw new AwsError('NoTimeLeft', call)
			const credentials = await options.credentials()
			const headers = sign({ headers: { ...given, host }, body, nowMs: now() }, credentials)
			const timed = { timeoutMs: Math.min(timeoutMs, Math.max(1, left())), maxReplyBytes: MAX_REPLY_BYTES }
			const exchanged = { origin, method: 'POST', target: '/', headers, body, ...timed } as const
			const result = await sendOnce(dispatcher, exchanged)
			if (result.kind === 'replied' && result.reply.httpStatus === 200) return result.reply.body
			const error = toAwsError(result, call)
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

type Call = Pick<AwsFailure, 'service' | 'action' | 'resource'>

/** JSON services name the action in a header, Query services in the form. */
function actionOf(headers: Readonly<Record<string, string>>, body: string): string {
	return headers['x-amz-target']?.split('.').at(-1) ?? /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? ''
}

/** Enough for the principal, the action and the resource of a missing permission. */
const MAX_MESSAGE = 300

/** What AWS said, as far as it may be logged: only the first line, since the others may quote the request. */
export function toLoggable(message: string): string {
	return cut(message.split(/\\n|\n/)[0] ?? '', MAX_MESSAGE)
}

function toAwsError(result: ExchangeResult, call: Call): AwsError {
	if (result.kind !== 'replied') return new AwsError(result.reason, call)
	const { body, headers, httpStatus } = result.reply
	// JSON services name it in a header or as `__type`, `com.amazonaws…#Name:http://…`; Query services as `<Code>`.
	const code =
		/^(?:[^#:]*#)?([\w.]+)/.exec(String(headers['x-amzn-errortype'] ?? ''))?.[1] ??
		/"__type"\s*:\s*"(?:[^"#:]*#)?([\w.]+)/.exec(body)?.[1] ??
		/<Code>([\w.]+)<\/Code>/.exec(body)?.[1]
	const message =
		/"[mM]essage"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? /<Message>([^<]*)<\/Message>/.exec(body)?.[1] ?? ''
	const requestId = headers['x-amzn-requestid'] ?? /<RequestId>([\w-]+)<\/RequestId>/.exec(body)?.[1]
	return new AwsError(code ?? `HTTP ${httpStatus}`, {
		...call,
		message: toLoggable(message),
		httpStatus,
		requestId: requestId === undefined ? null : cut(String(requestId)),
	})
}

/** The fields of a JSON answer. Throws `AwsError` for any other text: a proxy, not AWS, has answered. */
export function parseAnswer(text: string): Record<string, unknown> {
	const answer = parseRecord(text)
	if (answer === null) throw new AwsError('NoAnswer')
	return answer
}
