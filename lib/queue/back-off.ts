import { ERROR_CODES, type ExportError, firstWaitSecondsOf } from '../errors.ts'

/** No wait is longer: when the cause is gone, the work goes on within a quarter of an hour. */
export const MAX_BACK_OFF_SECONDS = 15 * 60

export interface BackOff {
	/** `firstWaitSeconds` is the longest first wait; it doubles with each receive. */
	error: Pick<ExportError, 'code' | 'firstWaitSeconds' | 'retryAfterSeconds'>
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
export function backOffSeconds({ error, receiveCount, random }: BackOff): number {
	const { code, firstWaitSeconds, retryAfterSeconds } = error
	const longest = longestSeconds(firstWaitSeconds, receiveCount)
	const certain = certainSeconds(firstWaitSeconds, receiveCount)
	const jittered = certain + Math.floor(random * (longest - certain + 1))
	// The other delivery most likely ends soon. Only from the second receive on is its whole lease waited for.
	const isSoon = code === 'IN_PROGRESS' && receiveCount <= 1
	return Math.min(MAX_BACK_OFF_SECONDS, jittered + (isSoon ? 0 : (retryAfterSeconds ?? 0)))
}

function longestSeconds(firstWaitSeconds: number, receiveCount: number): number {
	return Math.min(MAX_BACK_OFF_SECONDS, firstWaitSeconds * 2 ** Math.min(20, Math.max(0, receiveCount - 1)))
}

function certainSeconds(firstWaitSeconds: number, receiveCount: number): number {
	return Math.max(1, Math.floor(longestSeconds(firstWaitSeconds, receiveCount) / 2))
}

/**
 * How often a queue must deliver a message so that its retries last `retryHours` at least, whatever fails and however
 * the jitter falls. Counted with the shortest waits; what waits longer is retried for longer.
 */
export function receivesFor(retryHours: number): number {
	const shortest = Math.min(...ERROR_CODES.map(firstWaitSecondsOf))
	let waits = 0
	for (let seconds = 0; seconds < retryHours * 3_600; waits++) seconds += certainSeconds(shortest, waits + 1)
	// Nothing is waited for after the last receive.
	return waits + 1
}
