import type { ErrorCode } from '../errors.ts'

/** No wait is longer: when the cause is gone, the work goes on within a quarter of an hour. */
export const MAX_BACK_OFF_SECONDS = 15 * 60

/** The longest first wait, in seconds; it doubles with each receive, up to `MAX_BACK_OFF_SECONDS`. */
const DEFAULT_BASE_SECONDS = 10

const BASE_SECONDS: Readonly<Partial<Record<ErrorCode, number>>> = {
	DEADLINE_NEAR: 2, // nothing is wrong with it; the batch was full
	PUBLISH_FAILED: 2, // the export is settled; only the topic is late
	IN_PROGRESS: 5, // another delivery ends within the function's time-out
	NCP_CREDENTIALS: 60, // an operator must act
}

/** By NCP's code, with its envelope: these pass more slowly than the rest. */
const BASE_SECONDS_BY_REPLY: Readonly<Record<string, number>> = {
	'gateway/400': 300, // Quota Exceeded
	'api/5001005': 60, // the cluster is busy with another operation
	'response/5001005': 60,
}

export interface BackOff {
	code: ErrorCode
	/** `{envelope}/{code}` of NCP's reply, or null. */
	replyCode: string | null
	retryAfterSeconds: number | null
	/** 1 for the first receive. */
	receiveCount: number
	/** From 0 to 1, exclusive. */
	random: number
}

/**
 * Whole seconds until a message is seen again: exponential in the receives, with equal jitter (half of the wait is
 * certain), and on top of it what was asked for (by NCP, or a lease). Never 0, which would make a retry storm, and
 * never more than `MAX_BACK_OFF_SECONDS`.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backOffSeconds({
	code,
	replyCode,
	retryAfterSeconds,
	receiveCount,
	random,
}: BackOff): number {
	const base = BASE_SECONDS_BY_REPLY[replyCode ?? ''] ?? BASE_SECONDS[code] ?? DEFAULT_BASE_SECONDS
	const longest = longestSeconds(base, receiveCount)
	const certain = certainSeconds(base, receiveCount)
	const jittered = certain + Math.floor(random * (longest - certain + 1))
	// The other delivery most likely ends soon; only if it does not, its whole lease is waited for.
	const isSoon = code === 'IN_PROGRESS' && receiveCount <= 1
	return Math.min(MAX_BACK_OFF_SECONDS, jittered + (isSoon ? 0 : (retryAfterSeconds ?? 0)))
}

function longestSeconds(base: number, receiveCount: number): number {
	return Math.min(MAX_BACK_OFF_SECONDS, base * 2 ** Math.min(20, Math.max(0, receiveCount - 1)))
}

function certainSeconds(base: number, receiveCount: number): number {
	return Math.max(1, Math.floor(longestSeconds(base, receiveCount) / 2))
}

/**
 * How often a queue must hand out a message so that its retries last `retryHours` at least, whatever fails and however
 * the jitter falls. Counted for the shortest waits; failures of a slower kind are retried for longer.
 */
export function receivesFor(retryHours: number): number {
	const base = Math.min(DEFAULT_BASE_SECONDS, ...Object.values(BASE_SECONDS))
	let waits = 0
	for (let seconds = 0; seconds < retryHours * 3_600; waits++) seconds += certainSeconds(base, waits + 1)
	// After the last receive nothing is waited for.
	return waits + 1
}
