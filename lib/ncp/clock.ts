export interface Clock {
	/** Milliseconds since the epoch, as the gateway would read them. */
	now: () => number
	/** Sets the clock by the gateway's own; resolves false when it was right to within a minute. */
	correct: (gatewayMs: number) => boolean
}

/** NCP refuses a timestamp five minutes off. A clock closer than this was refused for another reason. */
const WORTH_CORRECTING_MS = 60_000

/** The machine's clock plus what the gateway's last `Date` showed it to be off. */
export function createClock(now: () => number): Clock {
	let offsetMs = 0
	return {
		now: () => now() + offsetMs,
		correct: (gatewayMs) => {
			const error = gatewayMs - (now() + offsetMs)
			if (Math.abs(error) < WORTH_CORRECTING_MS) return false
			offsetMs += error
			return true
		},
	}
}
