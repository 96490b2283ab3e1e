import { expect, it } from 'vitest'
import { createStepTimer, type StepTimes } from '../lib/step-times.ts'

it('adds up the time of a step, even when it throws, and never subtracts', async () => {
	let nowMs = 0
	const stepMs: StepTimes = {}
	const timed = createStepTimer(stepMs, () => nowMs)
	const look = timed('look', async (ms: number) => {
		nowMs += ms
		if (ms === 3) throw new Error('failed')
		return ms
	})
	expect(await look(5)).toBe(5)
	await expect(look(3)).rejects.toThrow('failed')
	// The clock is set back during the step.
	await look(-100)
	expect(stepMs).toEqual({ look: 8 })
})
