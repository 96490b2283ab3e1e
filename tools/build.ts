import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/** What a bundle gets in place of a module, as CommonJS, and why. `test/bundles.test.ts` fails when an upgrade makes one of these wrong. */
export const REPLACED: readonly { filter: RegExp; contents: string }[] = [
	{
		// A pool is all that is used; undici's index loads fetch, WebSocket, cache and mocks as well: 0.5 MB.
		filter: /^undici$/,
		contents: "exports.Pool = require('undici/lib/dispatcher/pool.js')",
	},
	{
		// The parser for processors without SIMD: all that Lambda has, have it. 70 KB.
		filter: /\/llhttp-wasm\.js$/,
		contents: "throw new Error('this processor has no SIMD')",
	},
	{
		// HTTP/2 is switched off (lib/http-client/pool.ts): 20 KB, and Node's own http2, 3 ms of a cold start.
		filter: /\/client-h2\.js$/,
		contents: "module.exports = () => { throw new Error('HTTP/2 is switched off') }",
	},
	{
		// The credentials are given (lib/wiring/config.ts): nobody walks the SDK's chain of providers. 127 KB.
		filter: /^@aws-sdk\/credential-provider-node$/,
		contents: "exports.defaultProvider = () => async () => { throw new Error('the credentials are given') }",
	},
]

const replacements: Plugin = {
	name: 'replacements',
	setup(builder) {
		for (const { filter, contents } of REPLACED) {
			const namespace = `in-place-of-${filter.source}`
			builder.onResolve({ filter }, ({ path }) => ({ path, namespace }))
			builder.onLoad({ filter: /.*/, namespace }, () => ({ contents, resolveDir: import.meta.dirname }))
		}
	},
}

const ROOT = join(import.meta.dirname, '..')

/** One file a function, runnable alone. CommonJS: an ESM import of `node:http` reads every export, and with `WebSocket` loads Node's own undici. */
export const buildOptions: BuildOptions = {
	entryPoints: readdirSync(join(ROOT, 'functions')).map((name) => `functions/${name}`),
	absWorkingDir: ROOT,
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
	// undici's own switch: without it comes a second, experimental parser, 165 KB.
	define: { esbuildDetection: 'true' },
	plugins: [replacements],
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
