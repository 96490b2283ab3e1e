import { build } from 'esbuild'
import { buildOptions } from '../build.ts'

/** The tests run what is deployed, so it is built once before them. */
export async function setup(): Promise<void> {
	await build(buildOptions)
}
