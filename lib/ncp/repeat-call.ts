import { inTime } from '../deadline.ts'
import type { Reply } from '../reply.ts'
import type { Clock } from './gateway-clock.ts'
import type { Credentials } from './key-pair.ts'

export interface RepeatOptions {
	clock: Clock
	credentials: Pick<Credentials, 'refresh'>
	/** With less time left than this, no further call is made. */
	minCallMs: number
	sleep: (ms: number) => Promise<unknown>
	random: () => number
}

/** Milliseconds to wait before the call is made again, or null when this reply is the last one. */
export type DelayOf = (reply: Reply) => number | null

/**
 * Repeats what `createDelays` allows, and what was certainly not done: a call that was refused because our clock was off
 * (once, corrected by the reply's `Date`), and one with a key pair that had just been rotated (once). `createDelays` is
 * called once for each request. All calls together take at most `timeoutMs`.
 */
export function repeatCall<Request, Read extends Reply>(
	call: (request: Request, timeoutMs: number) => Promise<Read>,
	createDelays: (random: () => number) => DelayOf,
	options: RepeatOptions,
): (request: Request, timeoutMs: number) => Promise<Read> {
	const { clock, credentials, sleep, random } = options
	return async (request, timeoutMs) => {
		const endsAt = performance.now() + timeoutMs
		const left = (): number => endsAt - performance.now()
		const delayOf = createDelays(random)
		let isClockCorrected = false
		let isPairRefreshed = false
		for (;;) {
			const reply = await call(request, left())
			const delayMs = delayOf(reply)
			if (delayMs !== null) {
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
function isAuthenticationFailure<Read extends Reply>(
	reply: Read,
): reply is Read & { signed: NonNullable<Reply['signed']> } {
	return reply.envelope === 'gateway' && reply.code === '200' && reply.signed !== null
}

/** NCP refuses a timestamp that is five minutes off. One that is closer than this was refused for another reason. */
const WORTH_CORRECTING_MS = 60_000

/** Compared with the time that this call was signed with: another call may have corrected the clock meanwhile. */
function isClockOff<Read extends Reply>(reply: Read): reply is Read & { dateMs: number } {
	if (!isAuthenticationFailure(reply) || reply.dateMs === null) return false
	return Math.abs(reply.dateMs - reply.signed.atMs) >= WORTH_CORRECTING_MS
}
