import { buildFunctions } from '../build.ts'

/** The tests run what is deployed, so it is built once before them. */
export async function setup(): Promise<void> {
	await buildFunctions()
}
