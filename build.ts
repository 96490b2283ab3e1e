import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * The client needs a Pool; undici's index loads fetch, WebSocket, cache and mocks as well: 0.5 MB and, measured on
 * Node 24, 34 ms of a cold start. `test/bundles.test.ts` fails when an upgrade moves the file.
 */
const undiciPoolOnly: Plugin = {
	name: 'undici-pool-only',
	setup(builder) {
		builder.onResolve({ filter: /^undici$/ }, () => ({
			path: 'undici-pool-only',
			namespace: 'undici-pool-only',
		}))
		builder.onLoad({ filter: /.*/, namespace: 'undici-pool-only' }, () => ({
			contents: "exports.Pool = require('undici/lib/dispatcher/pool.js')",
			resolveDir: import.meta.dirname,
		}))
	},
}

/** One file a function, runnable alone. CommonJS: an ESM import of `node:http` reads every export, and with `WebSocket` loads Node's own undici. */
export const buildOptions: BuildOptions = {
	entryPoints: readdirSync(new URL('functions', import.meta.url)).map((name) => `functions/${name}`),
	absWorkingDir: import.meta.dirname,
	outdir: 'dist/functions',
	outExtension: { '.js': '.cjs' },
	bundle: true,
	minify: true,
	keepNames: true,
	platform: 'node',
	target: 'node24',
	format: 'cjs',
	// The SDK's CommonJS builds cannot be tree-shaken.
	mainFields: ['module', 'main'],
	metafile: true,
	legalComments: 'none',
	logLevel: 'warning',
	plugins: [undiciPoolOnly],
}

/** Builds all functions and returns the size of each bundle in bytes, by file name. */
export async function buildFunctions(): Promise<Record<string, number>> {
	const { metafile } = await build(buildOptions)
	return Object.fromEntries(
		Object.entries(metafile?.outputs ?? {}).map(([path, { bytes }]) => [basename(path), bytes]),
	)
}

if (import.meta.main) {
	for (const [name, bytes] of Object.entries(await buildFunctions())) {
		console.log(`${name.padEnd(24)} ${(bytes / 1024).toFixed(0).padStart(5)} KB`)
	}
}
