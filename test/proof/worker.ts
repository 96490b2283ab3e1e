import { type Explored, explore } from './explorer.ts'
import { SCENARIOS } from './scenarios.ts'
import { type Simulated, Simulation, type SimulationOptions } from './simulation.ts'

/** What a worker is asked for, one at a time. */
export type Job =
	| { kind: 'explore'; scenario: string; deliveries: number; faults: number }
	| ({ kind: 'simulate' } & Pick<SimulationOptions, 'seed' | 'exports'>)

export type Result = { explored: Explored } | { simulated: Simulated } | { error: string }

async function work(job: Job): Promise<Result> {
	if (job.kind === 'simulate') return { simulated: await new Simulation(job).run() }
	const scenario = SCENARIOS.find(({ name }) => name === job.scenario)
	if (scenario === undefined) return { error: `there is no scenario ${job.scenario}` }
	const { bounds } = scenario
	const deliveries = Math.min(bounds.deliveries, job.deliveries)
	return { explored: await explore({ ...scenario, bounds: { ...bounds, deliveries, faults: job.faults } }) }
}

// Most errors of these worlds are thrown on purpose, and nobody reads where.
Error.stackTraceLimit = 0
process.on('message', (job: Job) => {
	work(job)
		.catch((error: unknown): Result => ({ error: String(error) }))
		.then((result) => process.send?.(result))
})
