import type { Reply } from '../reply.ts'
import { type DelayOf, type RepeatOptions, repeatCall } from './repeat-call.ts'

/** A call whose reply was lost, or of which nothing was sent. */
const MAX_LOST_REPEATS = 3
const LOST_DELAY_MS = 200

/** A call that NCP put off. */
const MAX_LATER_REPEATS = 2
const LATER_DELAY_MS = 500

/**
 * Repeats a call that changes nothing: also when its reply was lost or cannot be read, and when NCP asks to come later, as
 * long as the wait fits into the time.
 */
export function retryRead<Request, Read extends Reply>(
	call: (request: Request, timeoutMs: number) => Promise<Read>,
	options: RepeatOptions,
): (request: Request, timeoutMs: number) => Promise<Read> {
	return repeatCall(call, createReadDelays, options)
}

function createReadDelays(random: () => number): DelayOf {
	let lost = 0
	let later = 0
	return ({ kind, sent, retryAfterSeconds }) => {
		if (kind === 'unknown' || (kind === 'later' && !sent))
			return lost < MAX_LOST_REPEATS ? random() * LOST_DELAY_MS * 2 ** lost++ : null
		if (kind !== 'later' || later === MAX_LATER_REPEATS) return null
		// Half of the wait is certain: a throttled caller that returns at once is throttled again.
		const delayMs = (0.5 + random() / 2) * LATER_DELAY_MS * 2 ** later++
		return retryAfterSeconds === null ? delayMs : retryAfterSeconds * 1_000 + delayMs
	}
}
