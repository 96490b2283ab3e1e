/** The clock of the local cloud. It runs as the machine's does, ahead of it by the time that was let pass. */
export interface Clock {
	/** Milliseconds since the epoch. For the functions, which run in processes of their own. */
	now: () => number
	/** Sets the clock of this process forward. */
	pass: (ms: number) => void
	/** Gives this process the machine's clock back. */
	stop: () => void
}

/**
 * Lets time pass for everything that runs in this process: the queues' delays, the objects' dates, the simulated NCP. Nothing
 * is changed until the first `pass`.
 */
export function createClock(): Clock {
	const Machine = globalThis.Date
	let aheadMs = 0
	const now = (): number => Machine.now() + aheadMs

	class Ahead extends Machine {
		constructor(...given: unknown[]) {
			super(...((given.length === 0 ? [now()] : given) as [number]))
		}

		static override now(): number {
			return now()
		}
	}

	return {
		now,
		pass: (ms) => {
			aheadMs += ms
			globalThis.Date = Ahead as DateConstructor
		},
		stop: () => {
			globalThis.Date = Machine
		},
	}
}
