import { within } from '../within.ts'
import type { CallNcp } from './call-action.ts'
import type { Clock } from './gateway-clock.ts'
import type { Credentials } from './key-pair.ts'
import type { Reply } from './read-reply.ts'

export interface CallAgainOptions {
	clock: Clock
	credentials: Pick<Credentials, 'refresh'>
	/** With less than this left no further call is begun, in milliseconds. */
	minCallMs: number
	sleep: (ms: number) => Promise<unknown>
	random: () => number
}

/** How often a call that never left is begun again. */
const MAX_UNSENT_REPEATS = 2
const UNSENT_DELAY_MS = 200

/**
 * Repeats inside one delivery what cannot have been done: a call that never left, a signature refused for a clock
 * that is off (once, by the reply's `Date`), and a key pair that was just rotated (once). Nothing else: a second POST
 * may be a second export. All calls together keep within `timeoutMs`.
 */
export function callAgain(call: CallNcp, options: CallAgainOptions): CallNcp {
	const { clock, credentials, sleep, random } = options
	return async (parameters, timeoutMs) => {
		const endsAt = performance.now() + timeoutMs
		const left = (): number => endsAt - performance.now()
		let isClockCorrected = false
		let isPairRefreshed = false
		let repeats = 0
		for (;;) {
			const reply = await call(parameters, left())
			if (!reply.sent && reply.kind === 'later' && repeats < MAX_UNSENT_REPEATS) {
				const delayMs = random() * UNSENT_DELAY_MS * 2 ** repeats++
				if (left() - delayMs < options.minCallMs) return reply
				await sleep(delayMs)
			} else if (!isClockCorrected && isClockOff(reply)) {
				isClockCorrected = true
				clock.correct(reply.dateMs)
			} else if (!isPairRefreshed && isAuthenticationFailure(reply)) {
				isPairRefreshed = true
				const refreshed = credentials.refresh(reply.signed.keyVersion)
				if (!(await within(refreshed, Math.max(0, left() - options.minCallMs)))) return reply
			} else {
				return reply
			}
			// A call begun with too little time could only end unknown; this reply says more.
			if (left() < options.minCallMs) return reply
		}
	}
}

/** Gateway code 200 stands for a wrong key, a wrong signature and a wrong clock alike. */
function isAuthenticationFailure(reply: Reply): reply is Reply & { signed: NonNullable<Reply['signed']> } {
	return reply.envelope === 'gateway' && reply.code === '200' && reply.signed !== null
}

/** NCP refuses a timestamp five minutes off; one closer than this was refused for another reason. */
const WORTH_CORRECTING_MS = 60_000

/** By what this call was signed with: another of the batch may have corrected the clock meanwhile. */
function isClockOff(reply: Reply): reply is Reply & { dateMs: number } {
	if (!isAuthenticationFailure(reply) || reply.dateMs === null) return false
	return Math.abs(reply.dateMs - reply.signed.atMs) >= WORTH_CORRECTING_MS
}
