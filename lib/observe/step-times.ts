import type { Reply } from '../ncp/read-reply.ts'

export type Step = 'claim' | 'call' | 'settle' | 'publish' | 'schedule' | 'look'

/** What is known on the way, for the log line alone: no decision reads it. */
export interface Progress {
	/** Null until the export is claimed. */
	exportId: string | null
	attempts: number
	reply: Reply | null
	/** How long each step took, milliseconds; a step that was taken twice counts both. */
	stepMs: Partial<Record<Step, number>>
}

export function startProgress(): Progress {
	return { exportId: null, attempts: 0, reply: null, stepMs: {} }
}

/** Runs a step and adds its time, also when it throws. */
export async function timed<T>(
	{ stepMs }: Progress,
	step: Step,
	now: () => number,
	run: () => Promise<T>,
): Promise<T> {
	const startedMs = now()
	try {
		return await run()
	} finally {
		// A clock that is put right meanwhile may go back.
		stepMs[step] = (stepMs[step] ?? 0) + Math.max(0, now() - startedMs)
	}
}
