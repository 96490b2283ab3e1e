import type { TestProject } from 'vitest/node'
import { buildFunctions } from '../tools/build.ts'
import { packageService } from './template/packaged.ts'

declare module 'vitest' {
	export interface ProvidedContext {
		/** Folder of the package, made once for all tests: two osls processes at the same time disturb each other. */
		packageFolder: string
		/** The same with the policies of test/template/coverage.yml. */
		coveragePackageFolder: string
	}
}

/** Builds and packages once before the tests, which run the deployed bundles. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
	await buildFunctions()
	const plain = await packageService()
	const covered = await packageService('--param', 'coverageFile=test/template/coverage.yml')
	project.provide('packageFolder', plain.folder)
	project.provide('coveragePackageFolder', covered.folder)
	return async () => {
		await plain.remove()
		await covered.remove()
	}
}
