import type { TestProject } from 'vitest/node'
import { buildFunctions } from '../tools/build.ts'
import { packageService } from './template/packaged.ts'

declare module 'vitest' {
	export interface ProvidedContext {
		/** Where the service was packaged, once for all tests: two osls at a time get in each other's way. */
		packageFolder: string
	}
}

/** The tests run what is deployed, so it is built and packaged once before them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
	await buildFunctions()
	const { folder, remove } = await packageService()
	project.provide('packageFolder', folder)
	return remove
}
