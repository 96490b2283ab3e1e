import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Resource {
	Type: string
	// biome-ignore lint/suspicious/noExplicitAny: CloudFormation's shapes, read where they are asserted
	Properties: Record<string, any>
	DependsOn?: string | string[]
	DeletionPolicy?: string
}

export const root = new URL('../..', import.meta.url).pathname

export interface Template {
	resources: Record<string, Resource>
	outputs: Record<string, { Value: unknown }>
}

/** Reads the template of a package. */
export async function readTemplate(folder: string): Promise<Template> {
	const text = await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8')
	const { Resources, Outputs } = JSON.parse(text)
	return { resources: Resources, outputs: Outputs }
}

/** Whether osls would protect the packaged stage against removal. */
export async function isProtected(folder: string): Promise<boolean> {
	const state = JSON.parse(await readFile(join(folder, 'serverless-state.json'), 'utf8'))
	return state.service.provider.deletionProtection === true
}

/** Packages the service into its own folder, as `npm run package` does but without building. Must not run twice at the same time. */
export async function packageService(
	...args: string[]
): Promise<Template & { folder: string; remove: () => Promise<void> }> {
	const folder = await mkdtemp(join(tmpdir(), 'package-'))
	const osls = createRequire(import.meta.url).resolve('osls/bin/serverless.js')
	await promisify(execFile)(process.execPath, [osls, 'package', '--package', folder, ...args], { cwd: root })
	return { ...(await readTemplate(folder)), folder, remove: () => rm(folder, { recursive: true }) }
}
