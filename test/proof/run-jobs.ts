import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import type { Job, Result } from './worker.ts'

/**
 * Runs jobs in processes of their own, as many at a time as there are cores, and gives each result as it comes. Ends them when
 * the signal is raised. Throws what a worker could not do.
 */
export async function runJobs(
	jobs: readonly Job[],
	signal: AbortSignal,
	onResult: (index: number, result: Exclude<Result, { error: string }>) => void,
): Promise<void> {
	const left = [...jobs.entries()]
	const work = async (): Promise<void> => {
		const worker = fork(new URL('worker.ts', import.meta.url), { execArgv: ['--max-old-space-size=1024'] })
		try {
			for (let next = left.shift(); next !== undefined && !signal.aborted; next = left.shift()) {
				const [index, job] = next
				worker.send(job)
				const result = await answerOf(worker, signal)
				if (result === null) return
				if ('error' in result) throw new Error(result.error)
				onResult(index, result)
			}
		} finally {
			worker.kill()
		}
	}
	await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work))
}

/** Null when the signal is raised. */
async function answerOf(worker: ChildProcess, signal: AbortSignal): Promise<Result | null> {
	const exited = once(worker, 'exit').then(([code]): Result => ({ error: `the worker ended with ${code}` }))
	const answered = once(worker, 'message').then(([result]) => result as Result)
	const aborted = once(signal, 'abort').then(() => null)
	return signal.aborted ? null : Promise.race([answered, exited, aborted])
}
