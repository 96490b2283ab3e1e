import { expect, it } from 'vitest'
import { createStepTimer, type Steps } from '../lib/step-times.ts'

it('adds up the time of a step, even when it throws, and never subtracts', async () => {
	let nowMs = 0
	const steps: Steps = { stepMs: {}, failedStep: null }
	const timed = createStepTimer(steps, () => nowMs)
	const look = timed('look', async (ms: number) => {
		nowMs += ms
		if (ms === 3) throw new Error('failed')
		return ms
	})
	expect(await look(5)).toBe(5)
	expect(steps.failedStep).toBeNull()
	await expect(look(3)).rejects.toThrow('failed')
	expect(steps.failedStep).toBe('look')
	// The clock is set back during the step.
	await look(-100)
	expect(steps.stepMs).toEqual({ look: 8 })
})
