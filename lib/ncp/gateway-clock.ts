export interface Clock {
	/** The gateway's time, milliseconds since the epoch. */
	now: () => number
	/** Sets the clock to the gateway's. */
	correct: (gatewayMs: number) => void
}

/** The machine's clock, corrected by the gateway's `Date`. */
export function createClock(now: () => number): Clock {
	let offsetMs = 0
	return {
		now: () => now() + offsetMs,
		correct: (gatewayMs) => {
			offsetMs = gatewayMs - now()
		},
	}
}
