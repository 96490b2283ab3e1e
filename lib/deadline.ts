/** Until when something must have ended. */
export interface Deadline {
	/** Milliseconds until then; zero or less once it has passed. */
	leftMs: () => number
}

/** Reserved for the runtime's own work after the handler: logs, metrics, the answer on its way. */
const ANSWER_MS = 500

/** Reserved for putting a message off, or queueing a request, when the work could not be finished. */
const PUT_OFF_MS = 1_000

/** Reserved for settling and publishing, so that a slow call cannot leave an outcome unpublished. */
const RESERVE_MS = 4_000

/** The shortest time worth beginning a call with: a call that is cut short leaves the outcome unknown. */
const MIN_CALL_MS = 3_000

/** What Lambda's context says about time. */
export interface LambdaTime {
	getRemainingTimeInMillis: () => number
}

/** Until when a handler must have answered. */
export function toHandlerDeadline(context: LambdaTime): Deadline {
	return { leftMs: () => context.getRemainingTimeInMillis() - ANSWER_MS }
}

/** Until when the work must have ended, so that the handler can still put it off. */
export function toWorkDeadline(handlerDeadline: Deadline): Deadline {
	return { leftMs: () => handlerDeadline.leftMs() - PUT_OFF_MS }
}

/** Milliseconds that a look into the bucket may take; at least 1. */
export function timeToLook(deadline: Deadline): number {
	return Math.max(1, Math.floor(deadline.leftMs() - RESERVE_MS))
}

/** Milliseconds that a call to NCP may take, or null when there is too little time to begin one. */
export function timeToCall(deadline: Deadline): number | null {
	const callMs = deadline.leftMs() - RESERVE_MS
	return callMs >= MIN_CALL_MS ? callMs : null
}

/** Rejects with a `TimeoutError` when `ms` pass first, and aborts the signal. The work behind the promise may go on. */
export async function inTime<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
	const controller = new AbortController()
	const { promise: late, reject } = Promise.withResolvers<never>()
	const stop = (): void => {
		const error = new DOMException('no time was left', 'TimeoutError')
		controller.abort(error)
		reject(error)
	}
	const timer = setTimeout(stop, Math.max(1, Math.floor(ms)))
	try {
		return await Promise.race([run(controller.signal), late])
	} finally {
		clearTimeout(timer)
	}
}
