export interface Clock {
	/** Milliseconds since the epoch, as the gateway would read them. */
	now: () => number
	/** Sets the clock by the gateway's own. */
	correct: (gatewayMs: number) => void
}

/** The machine's clock plus what the gateway's last `Date` showed it to be off. */
export function createClock(now: () => number): Clock {
	let offsetMs = 0
	return {
		now: () => now() + offsetMs,
		correct: (gatewayMs) => {
			offsetMs = gatewayMs - now()
		},
	}
}
