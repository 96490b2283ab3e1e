import type { CallNcp } from './client.ts'
import type { Clock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import type { Reply } from './reply.ts'

export interface CallAgainOptions {
	clock: Clock
	credentials: Pick<Credentials, 'version' | 'refresh'>
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
	return async (parameters, timeoutMs) => {
		const endsAt = performance.now() + timeoutMs
		const left = (): number => endsAt - performance.now()
		let isClockCorrected = false
		let isPairRefreshed = false
		let repeats = 0
		for (;;) {
			const version = options.credentials.version()
			const reply = await call(parameters, Math.max(1, left()))
			if (left() <= 0) return reply
			if (!reply.sent && reply.kind === 'later' && repeats < MAX_UNSENT_REPEATS) {
				const delayMs = options.random() * UNSENT_DELAY_MS * 2 ** repeats++
				if (delayMs >= left()) return reply
				await options.sleep(delayMs)
			} else if (!isClockCorrected && correctClock(reply, options.clock)) {
				isClockCorrected = true
			} else if (
				!isPairRefreshed &&
				isAuthenticationFailure(reply) &&
				(await options.credentials.refresh(version))
			) {
				isPairRefreshed = true
			} else {
				return reply
			}
		}
	}
}

/** Gateway code 200 stands for a wrong key, a wrong signature and a wrong clock alike. */
function isAuthenticationFailure({ envelope, code }: Reply): boolean {
	return envelope === 'gateway' && code === '200'
}

function correctClock(reply: Reply, clock: Clock): boolean {
	return isAuthenticationFailure(reply) && reply.dateMs !== null && clock.correct(reply.dateMs)
}
