import { defineConfig } from 'vitest/config'

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		globalSetup: 'test/build-bundles.ts',
		// Integration tests start real processes; on two cores a slow start is not a failure.
		testTimeout: 30_000,
		hookTimeout: 30_000,
		reporters: ['default', ['json', { outputFile: 'coverage/results.json' }]],
		coverage: {
			provider: 'v8',
			include: ['lib/**'],
			reporter: ['text-summary', 'json-summary'],
			thresholds: { branches: 95, lines: 95 },
		},
	},
})
