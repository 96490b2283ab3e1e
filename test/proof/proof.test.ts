import { expect, it } from 'vitest'
import { explore } from './explorer.ts'
import { SCENARIOS } from './scenarios.ts'
import { Simulation } from './simulation.ts'

it.each(SCENARIOS)(
	'every promise is kept in each order of the steps, with one fault: $name',
	async (scenario) => {
		const { bounds } = scenario
		const { interleavings, failure } = await explore({
			...scenario,
			bounds: {
				deliveries: Math.min(1, bounds.deliveries),
				checks: Math.min(1, bounds.checks),
				sweeps: Math.min(1, bounds.sweeps),
				faults: 1,
			},
		})
		expect(failure).toBeNull()
		expect(interleavings).toBeGreaterThan(10)
	},
)

it('simulates the same trace for the same seed, and another one for another', async () => {
	const trace = async (seed: number): Promise<string[]> => {
		const lines: string[] = []
		const { failure } = await new Simulation({ seed, exports: 60, onLine: (line) => lines.push(line) }).run()
		expect(failure).toBeNull()
		return lines
	}
	const [one, again, other] = [await trace(4), await trace(4), await trace(5)]
	expect(one).toEqual(again)
	expect(one).not.toEqual(other)
	expect(one.length).toBeGreaterThan(1_000)
})
