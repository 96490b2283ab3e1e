import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PLANTED_BUGS, type PlantedBug } from '../planted-bugs/bugs.ts'
import { type Copy, copyProject, type Result, type TestFile } from '../planted-bugs/plant.ts'
import type { Job } from '../proof/worker.ts'

let copy: Copy
beforeAll(async () => {
	copy = await copyProject()
})
afterAll(() => copy.remove())

function toJob(foundBy: PlantedBug['foundBy']): Job | TestFile {
	if ('explore' in foundBy) return { kind: 'explore', scenario: foundBy.explore, deliveries: 2, faults: 1 }
	if ('simulate' in foundBy) return { kind: 'simulate', seed: 1, exports: foundBy.simulate }
	return { kind: 'test', path: foundBy.test }
}

/** True when promises were broken, or a test failed. Throws when the job could not be run at all. */
function isFound(result: Result): boolean {
	if ('tested' in result) return !result.tested
	if ('explored' in result) return result.explored.failure !== null
	if ('simulated' in result) return result.simulated.failure !== null
	throw new Error(result.error)
}

const JOBS = [...new Map(PLANTED_BUGS.map(({ foundBy }) => [JSON.stringify(foundBy), foundBy])).values()]

it.each(JOBS)(
	'without a bug, %j finds none',
	async (foundBy) => {
		expect(isFound(await copy.tryWith(null, toJob(foundBy)))).toBe(false)
	},
	60_000,
)

describe('a planted bug', () => {
	it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))(
		'is found: %s',
		async (_name, bug) => {
			expect(isFound(await copy.tryWith(bug, toJob(bug.foundBy)))).toBe(true)
		},
		60_000,
	)
})
