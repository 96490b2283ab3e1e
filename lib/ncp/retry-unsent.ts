import type { CallNcp } from '../ports.ts'
import { type DelayOf, type RepeatOptions, repeatCall } from './repeat-call.ts'

/** How often a call of which nothing was sent is made again. */
const MAX_UNSENT_REPEATS = 2
const UNSENT_DELAY_MS = 200

/**
 * Repeats an export immediately when it cannot have been done: nothing was sent, our clock was off, or the key pair had just
 * been rotated. Nothing else is repeated: a second POST may be a second export.
 */
export function retryUnsent(call: CallNcp, options: RepeatOptions): CallNcp {
	return repeatCall(call, createUnsentDelays, options)
}

function createUnsentDelays(random: () => number): DelayOf {
	let repeats = 0
	return ({ sent, kind }) =>
		!sent && kind === 'later' && repeats < MAX_UNSENT_REPEATS
			? random() * UNSENT_DELAY_MS * 2 ** repeats++
			: null
}
