import type { ErrorCode } from './errors.ts'

/** SQS hides a message for twelve hours at most, counted from its receipt; a minute is left for this batch. */
export const MAX_BACK_OFF_SECONDS = 12 * 60 * 60 - 60

/** The first wait's upper bound, in seconds; it doubles with each receive. */
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
 * Whole seconds until a message is seen again: exponential in the receives, full jitter, at least what was asked for (by NCP, or a lease),
 * never 0 (a message at 0 becomes a storm) and never more than `MAX_BACK_OFF_SECONDS`.
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
	const bound = Math.min(MAX_BACK_OFF_SECONDS, base * 2 ** Math.min(20, Math.max(0, receiveCount - 1)))
	const jittered = 1 + Math.floor(random * bound)
	// Whoever is at work on it most likely ends soon; only if not, its whole lease is waited for.
	const isSoon = code === 'IN_PROGRESS' && receiveCount <= 1
	return Math.min(MAX_BACK_OFF_SECONDS, jittered + (isSoon ? 0 : (retryAfterSeconds ?? 0)))
}
