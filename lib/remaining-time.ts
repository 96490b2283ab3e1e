/** For the runtime's own work after the handler: logs, metrics, the answer on its way. */
const ANSWER_MS = 500

/** Milliseconds that a handler may still use, from Lambda's context. */
export function remainingTime(context: { getRemainingTimeInMillis: () => number }): () => number {
	return () => context.getRemainingTimeInMillis() - ANSWER_MS
}
