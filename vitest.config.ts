import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest file first, so that it does not run alone at the end; the rest as usual. */
class SoakFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const sorted = await super.sort(files)
		const isSoak = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('soak.test.ts')
		return [...sorted.filter(isSoak), ...sorted.filter((file) => !isSoak(file))]
	}
}

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		globalSetup: 'test/build-bundles.ts',
		sequence: { sequencer: SoakFirst },
		// By default one core is left to the runner, which mostly waits.
		maxWorkers: 2,
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
