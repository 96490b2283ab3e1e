import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild'

/** Modules that the bundles replace with the CommonJS text given here. `test/bundles.test.ts` fails if an upgrade breaks one. */
export const REPLACED: readonly { filter: RegExp; contents: string }[] = [
	{
		// Only the pool is used. undici's index also loads fetch, WebSocket, cache and mocks: 0.5 MB.
		filter: /^undici$/,
		contents:
			"exports.Pool = require('undici/lib/dispatcher/pool.js'); exports.buildConnector = require('undici/lib/core/connect.js')",
	},
	{
		// The parser for processors without SIMD. All of Lambda's processors have SIMD. 70 KB.
		filter: /\/llhttp-wasm\.js$/,
		contents: "throw new Error('this processor has no SIMD')",
	},
	{
		// HTTP/2 is off (lib/http-client/pool.ts). It costs 20 KB, and Node's http2 module 3 ms of a cold start.
		filter: /\/client-h2\.js$/,
		contents: "module.exports = () => { throw new Error('HTTP/2 is switched off') }",
	},
	{
		// The credentials are passed in (lib/wiring/config.ts), so the SDK's provider chain is never used. 127 KB.
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
const OUTDIR = 'dist/functions'

/**
 * One self-contained file per function. CommonJS, because an ESM import of `node:http` reads every export, and reading
 * `WebSocket` loads Node's built-in undici.
 */
export const buildOptions: BuildOptions = {
	entryPoints: readdirSync(join(ROOT, 'functions')).map((name) => `functions/${name}`),
	absWorkingDir: ROOT,
	outdir: OUTDIR,
	outExtension: { '.js': '.cjs' },
	bundle: true,
	minify: true,
	keepNames: true,
	platform: 'node',
	target: 'node24',
	format: 'cjs',
	// The SDK's CommonJS builds cannot be tree-shaken.
	mainFields: ['module', 'main'],
	legalComments: 'none',
	logLevel: 'warning',
	// undici's switch for bundlers: leaves out its second, experimental parser, 165 KB.
	define: { esbuildDetection: 'true' },
	plugins: [replacements],
}

/** Builds all functions and returns the size of each bundle in bytes, by file name. Safe while functions run from the bundles. */
export async function buildFunctions(outdir = OUTDIR): Promise<Record<string, number>> {
	const { outputFiles = [] } = await build({ ...buildOptions, outdir, write: false })
	await Promise.all(outputFiles.map(replaceFile))
	return Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), contents.length]))
}

/** In one step, and only if it differs: another `npm start` may be starting a function from it, or a package being made. */
async function replaceFile({ path, contents }: OutputFile): Promise<void> {
	const old = await readFile(path).catch(() => null)
	if (old?.equals(contents)) return
	await mkdir(dirname(path), { recursive: true })
	const draft = `${path}.${randomUUID()}`
	await writeFile(draft, contents)
	await rename(draft, path)
}

if (import.meta.main) {
	for (const [name, bytes] of Object.entries(await buildFunctions())) {
		console.log(`${name.padEnd(24)} ${(bytes / 1024).toFixed(0).padStart(5)} KB`)
	}
}
