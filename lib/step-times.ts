export type Step = 'claim' | 'call' | 'settle' | 'publish' | 'schedule' | 'look'

/** How long each step took, in milliseconds; a step that was taken twice counts both. */
export type StepTimes = Partial<Record<Step, number>>

/** Wraps a function so that its time is added to `stepMs`, also when it throws. */
export type TimeStep = <Args extends unknown[], T>(
	step: Step,
	run: (...args: Args) => Promise<T>,
) => (...args: Args) => Promise<T>

export function createStepTimer(stepMs: StepTimes, now: () => number): TimeStep {
	return (step, run) =>
		async (...args) => {
			const startedMs = now()
			try {
				return await run(...args)
			} finally {
				// A clock that is corrected meanwhile may go back.
				stepMs[step] = (stepMs[step] ?? 0) + Math.max(0, now() - startedMs)
			}
		}
}
