import { inTime } from '../deadline.ts'
import type { CallNcp } from '../ports.ts'
import type { Reply } from '../reply.ts'
import type { Clock } from './gateway-clock.ts'
import type { Credentials } from './key-pair.ts'

export interface RetryUnsentOptions {
	clock: Clock
	credentials: Pick<Credentials, 'refresh'>
	/** With less time left than this, no further call is made. */
	minCallMs: number
	sleep: (ms: number) => Promise<unknown>
	random: () => number
}

/** How often a call of which nothing was sent is made again. */
const MAX_UNSENT_REPEATS = 2
const UNSENT_DELAY_MS = 200

/**
 * Repeats immediately what cannot have been done: a call of which nothing was sent, one that was refused because our clock
 * was off (once, corrected by the reply's `Date`), and one with a key pair that had just been rotated (once). Nothing else is
 * repeated: a second POST may be a second export. All calls together take at most `timeoutMs`.
 */
export function retryUnsent(call: CallNcp, options: RetryUnsentOptions): CallNcp {
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
				const { keyVersion } = reply.signed
				const refreshing = inTime(left() - options.minCallMs, () => credentials.refresh(keyVersion))
				if (!(await refreshing.catch(() => false))) return reply
			} else {
				return reply
			}
			// A call with too little time would only leave the outcome unknown; this reply says more.
			if (left() < options.minCallMs) return reply
		}
	}
}

/** Gateway code 200 stands for a wrong key, a wrong signature or a wrong clock. */
function isAuthenticationFailure(reply: Reply): reply is Reply & { signed: NonNullable<Reply['signed']> } {
	return reply.envelope === 'gateway' && reply.code === '200' && reply.signed !== null
}

/** NCP refuses a timestamp that is five minutes off. One that is closer than this was refused for another reason. */
const WORTH_CORRECTING_MS = 60_000

/** Compared with the time that this call was signed with: another call may have corrected the clock meanwhile. */
function isClockOff(reply: Reply): reply is Reply & { dateMs: number } {
	if (!isAuthenticationFailure(reply) || reply.dateMs === null) return false
	return Math.abs(reply.dateMs - reply.signed.atMs) >= WORTH_CORRECTING_MS
}
