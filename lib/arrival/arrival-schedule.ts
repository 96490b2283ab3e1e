/** What the arrival queue carries; the rest is in the ledger. */
export interface ArrivalCheck {
	exportKey: string
	exportId: string
	/** Counts the checks of one export from 0. */
	check: number
}

/** A check as the queue hands it over. */
export interface DeliveredCheck extends ArrivalCheck {
	/** It was handed over before, and whoever had it may have died half way. */
	isRepeated: boolean
}

/** Seconds before each check; the last one repeats. SQS delays a message by 15 minutes at most. */
const DELAYS_SECONDS = [30, 60, 120, 240, 480, 900]

/** Whole seconds until a check, cut so that the last one falls on the deadline; at least 1. */
export function checkDelaySeconds(check: number, leftMs: number): number {
	const delay = DELAYS_SECONDS[Math.min(check, DELAYS_SECONDS.length - 1)] ?? 900
	return Math.max(1, Math.min(delay, Math.ceil(leftMs / 1000)))
}

/** A check that has not come so long after its time is taken for lost. */
export const CHECK_GRACE_MS = 5 * 60 * 1000
