import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job, Result as WorkerResult } from '../proof/worker.ts'
import type { PlantedBug } from './bugs.ts'

/** Of a test file: whether its tests passed. */
export type Result = WorkerResult | { tested: boolean }

const ROOT = join(import.meta.dirname, '../..')
const COPIED = ['lib', 'test', 'tools', 'package.json'] as const

/** A file of unit tests. */
export interface TestFile {
	kind: 'test'
	path: string
}

/** A copy of the code, in which one bug after another can be planted. */
export interface Copy {
	/** Plants a bug, runs the job with it, and takes it out again. Throws when the bug's text is not in its file just once. */
	tryWith: (bug: Pick<PlantedBug, 'file' | 'find' | 'replace'> | null, job: Job | TestFile) => Promise<Result>
	remove: () => Promise<void>
}

export async function copyProject(): Promise<Copy> {
	const folder = await mkdtemp(join(tmpdir(), 'planted-bugs-'))
	const filter = (path: string): boolean => !path.includes('node_modules')
	for (const name of COPIED) await cp(join(ROOT, name), join(folder, name), { recursive: true, filter })
	await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
	return {
		tryWith: async (bug, job) => {
			if (bug === null) return run(folder, job)
			const path = join(folder, bug.file)
			const text = await readFile(path, 'utf8')
			const times = text.split(bug.find).length - 1
			if (times !== 1) throw new Error(`${bug.file} has the bug's text ${times} times: ${bug.find}`)
			await writeFile(
				path,
				text.replace(bug.find, () => bug.replace),
			)
			try {
				return await run(folder, job)
			} finally {
				await writeFile(path, text)
			}
		},
		remove: () => rm(folder, { recursive: true }),
	}
}

async function run(folder: string, job: Job | TestFile): Promise<Result> {
	return job.kind === 'test' ? runTest(folder, job) : runWorker(folder, job)
}

async function runTest(folder: string, { path }: TestFile): Promise<Result> {
	const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
	const args = ['run', '--config', 'test/mutation/vitest.config.ts', '--bail', '1', path]
	const child = fork(vitest, args, { cwd: folder, execArgv: [], stdio: 'ignore' })
	const [code] = await once(child, 'exit')
	return { tested: code === 0 }
}

async function runWorker(folder: string, job: Job): Promise<Result> {
	const worker = fork(join(folder, 'test/proof/worker.ts'), { execArgv: [], stdio: 'ignore' })
	try {
		worker.send(job)
		const exited = once(worker, 'exit').then(([code]): Result => ({ error: `the worker ended with ${code}` }))
		return await Promise.race([once(worker, 'message').then(([result]) => result as Result), exited])
	} finally {
		worker.kill()
	}
}
