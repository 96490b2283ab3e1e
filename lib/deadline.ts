/** For the runtime's own work after the handler: logs, metrics, the answer on its way. */
const ANSWER_MS = 500

/** Kept for what a trigger does when its work could not be finished: the message is put off, the request is queued. */
const PUT_OFF_MS = 1_000

/** Kept for settling and publishing, so that a slow call cannot leave an outcome unsaid. */
const RESERVE_MS = 4_000

/** With less than this for the call itself it is not begun: a call cut short is an outcome unknown. */
const MIN_CALL_MS = 3_000

/** Milliseconds that a handler may still use, from Lambda's context. */
export function remainingTime(context: { getRemainingTimeInMillis: () => number }): () => number {
	return () => context.getRemainingTimeInMillis() - ANSWER_MS
}

/** Of what a handler may still use, the milliseconds that its work may use. */
export function timeToWork(remainingMs: () => number): () => number {
	return () => remainingMs() - PUT_OFF_MS
}

/** Milliseconds that a look into the bucket may take; at least 1. */
export function timeToLook(remainingMs: () => number): number {
	return Math.max(1, Math.floor(remainingMs() - RESERVE_MS))
}

/** Milliseconds that a call to NCP may take, or null when there is too little time to begin one. */
export function timeToCall(remainingMs: () => number): number | null {
	const callMs = remainingMs() - RESERVE_MS
	return callMs >= MIN_CALL_MS ? callMs : null
}
