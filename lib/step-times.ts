export type Step = 'claim' | 'call' | 'settle' | 'publish' | 'schedule' | 'look'

/** How long each step took, in milliseconds; a step that was taken twice counts both. */
export type StepTimes = Partial<Record<Step, number>>

/** Wraps a function so that its time is added to `stepMs`, also when it throws. */
export type TimeStep = <Args extends unknown[], T>(
	step: Step,
	run: (...args: Args) => Promise<T>,
) => (...args: Args) => Promise<T>

/** What the timer writes. */
export interface Steps {
	stepMs: StepTimes
	/** The step that threw last; null when none did. */
	failedStep: Step | null
}

export function createStepTimer(steps: Steps, now: () => number): TimeStep {
	const { stepMs } = steps
	return (step, run) =>
		async (...args) => {
			const startedMs = now()
			try {
				return await run(...args)
			} catch (error) {
				steps.failedStep = step
				throw error
			} finally {
				// A clock that is corrected meanwhile may go back.
				stepMs[step] = (stepMs[step] ?? 0) + Math.max(0, now() - startedMs)
			}
		}
}
