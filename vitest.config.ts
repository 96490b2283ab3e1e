import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These files run first, so that none of them runs alone at the end; the others keep their order. */
const LONGEST =
	/\/(arrival|coverage|coverage-local|ops|start|overlap|template|match-objects\.property|list-action\.property)\.test\.ts$/

class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const sorted = await super.sort(files)
		const isLong = ({ moduleId }: TestSpecification): boolean => LONGEST.test(moduleId)
		return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
	}
}

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		globalSetup: 'test/build-bundles.ts',
		sequence: { sequencer: LongestFirst },
		// Tests mostly wait for processes and time limits; a third worker keeps two cores busy. Integration tests run bundles in
		// processes of their own, whose coverage is not counted: they run without it, which costs a quarter of the time.
		maxWorkers: 3,
		// Integration tests start real processes; on two cores a slow start is not a failure.
		testTimeout: 30_000,
		hookTimeout: 30_000,
		reporters: ['default', 'json'],
		outputFile: { json: 'coverage/results.json' },
		coverage: {
			provider: 'v8',
			include: ['lib/**'],
			reporter: ['text-summary', 'json-summary', 'json'],
			thresholds: { branches: 95, lines: 95 },
		},
	},
})
