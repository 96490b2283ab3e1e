import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { buildFunctions, buildOptions } from '../../tools/build.ts'

/** One implementation of the function. */
export interface Variant {
	title: string
	/** Path of its bundle. */
	bundle: string
	/** The calls that one record must cause: a handler that fails fast must not count. */
	perRecord: { calls: number; published: number; writes: number; checks?: number; lists?: number }
	/** Once for all records. */
	secretReads?: number
	env?: Readonly<Record<string, string>>
}

const DONE = { calls: 1, published: 1, writes: 2 }
const DONE_WITHOUT_TABLE = { ...DONE, writes: 0 }
const WITHOUT_TABLE = { WITHOUT_TABLE: '1' }

const empty: Variant = {
	title: 'empty handler',
	bundle: pathTo('dist/bench/empty.cjs'),
	perRecord: { calls: 0, published: 0, writes: 0 },
}
const ours: Variant = {
	title: 'ours',
	bundle: pathTo('dist/functions/on-queue-message.cjs'),
	// The destination is written alongside the claim. Without arrival checks the first outcome is final: after publishing, one
	// more write shortens the entry's expiry.
	perRecord: { ...DONE, writes: 4 },
}
/** As deployed by serverless.yml: the keys are in a secret, and each export schedules an arrival check. */
const deployed: Variant = {
	...ours,
	title: 'ours, with the secret and arrival checks',
	perRecord: { ...DONE, writes: 3, checks: 1 },
	secretReads: 1,
	env: {
		NCP_ACCESS_KEY: '',
		NCP_SECRET_KEY: '',
		CREDENTIALS_SECRET_ID: 'ncp',
		OBJECT_STORAGE_URL: 'stand-in',
		OBJECT_STORAGE_REGION: 'kr-standard',
	},
}
/** Checks of instances with three backups each, all of them covered. */
const coverage: Variant = {
	...deployed,
	title: 'coverage checks',
	bundle: pathTo('dist/functions/on-coverage-check.cjs'),
	perRecord: { calls: 0, published: 1, writes: 0, lists: 1 },
	env: { ...deployed.env, BENCH_EVENT: 'coverage' },
}
const blogStyle: Variant = {
	title: 'blog style',
	bundle: pathTo('dist/bench/blog-style.cjs'),
	perRecord: DONE,
}
const obvious: Variant = {
	title: 'obvious',
	bundle: pathTo('dist/bench/obvious.cjs'),
	perRecord: DONE,
}
const floor: Variant = {
	title: 'floor',
	bundle: pathTo('dist/bench/floor.cjs'),
	perRecord: { calls: 1, published: 0, writes: 0 },
}

/** The implementations that `npm run bench` compares; their source is in `variants/`. */
export const VARIANTS = { empty, floor, ours, deployed, coverage, obvious, blogStyle } as const

/** The same without the table, to compare the CPU of everything else. */
export const WITHOUT_TABLE_VARIANTS = {
	floor,
	ours: { ...ours, bundle: pathTo('dist/bench/ours-without-table.cjs'), perRecord: DONE_WITHOUT_TABLE },
	obvious: { ...obvious, env: WITHOUT_TABLE, perRecord: DONE_WITHOUT_TABLE },
	blogStyle: { ...blogStyle, env: WITHOUT_TABLE, perRecord: DONE_WITHOUT_TABLE },
} as const satisfies Record<string, Variant>

const memoryInPlaceOfTable: Plugin = {
	name: 'memory-in-place-of-table',
	setup(builder) {
		builder.onResolve({ filter: /\/(exports-table|destinations)\.ts$/ }, () => ({
			path: pathTo('test/bench/variants/ours-without-table.ts'),
		}))
	},
}

/** Bundles our functions as deployed, and the variants with esbuild's defaults, minified for Node.js. */
export async function buildVariants(): Promise<void> {
	await buildFunctions()
	const outdir = 'dist/bench'
	await build({
		entryPoints: ['empty', 'floor', 'obvious', 'blog-style'].map((name) => `test/bench/variants/${name}.js`),
		absWorkingDir: pathTo(''),
		outdir,
		outExtension: { '.js': '.cjs' },
		bundle: true,
		minify: true,
		platform: 'node',
		target: 'node24',
		format: 'cjs',
		logLevel: 'warning',
	})
	await build({
		...buildOptions,
		entryPoints: [{ in: 'functions/on-queue-message.ts', out: 'ours-without-table' }],
		outdir,
		plugins: [memoryInPlaceOfTable, ...(buildOptions.plugins ?? [])],
	})
}

function pathTo(path: string): string {
	return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
