import { defineConfig } from 'vitest/config'

/** Unit tests alone: an integration test runs bundles, in which no mutant is. */
export default defineConfig({
	test: {
		include: ['test/{ledger,export,arrival,coverage,ncp,queue,aws}/**/*.test.ts'],
		testTimeout: 30_000,
	},
})
