import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { count } from '../terminal/count.ts'
import { paint, tableHead, toOutcomeRow } from '../terminal/outcome-row.ts'
import { LOCAL_POLICY_TEXT, namesOf, type Sweeper, toSweepText } from './sweep.ts'

export interface DemoSweep {
	/** Takes an outcome of a request that no sample made. */
	take: (event: OutcomeEvent) => void
	/**
	 * Sweeps, waits until the backups that nobody has asked for are exported and proven, and sweeps again. Resolves with true
	 * when every backup is covered then, except those of `expected`, as `{instance}/{file}`. Rejects when the signal is raised.
	 */
	run: (expected: readonly string[], signal: AbortSignal) => Promise<boolean>
}

export function createDemoSweep(sweeper: Sweeper): DemoSweep {
	/** `{source}/{file}` of each export that has its last word. */
	const settled = new Set<string>()
	let startedMs = 0
	let onSettled = (): void => undefined
	return {
		take: (event) => {
			const { request, terminal } = event.data
			console.log(toOutcomeRow(event, startedMs))
			if (terminal && request !== null) settled.add(`${event.source}/${request.fileName}`)
			onSettled()
		},
		run: async (expected, signal) => {
			startedMs = Date.now()
			console.log(`\nNobody has to name a file. A policy (${LOCAL_POLICY_TEXT}) is swept:\n`)
			const before = await sweeper.sweep(signal)
			console.log(`${toSweepText(before)}\n`)
			const due = before.flatMap(({ source, data: { backups } }) =>
				backups.filter(({ state }) => state === 'due').map(({ fileName }) => `${source}/${fileName}`),
			)
			console.log(`Nobody has asked for ${count(due.length, 'backup')}, so the sweep did:\n\n${tableHead()}`)
			const { promise, resolve, reject } = Promise.withResolvers<void>()
			onSettled = () => {
				if (due.every((name) => settled.has(name))) resolve()
			}
			onSettled()
			const stop = (): void => {
				const late = due.filter((name) => !settled.has(name))
				reject(new Error(`The sweep's exports have not ended: ${late.join(', ')}`))
			}
			signal.addEventListener('abort', stop, { once: true })
			await promise
			const after = await sweeper.sweep(signal)
			console.log(`\n${toSweepText(after)}`)
			return conclude(after, expected)
		},
	}
}

function conclude(events: readonly CoverageEvent[], expected: readonly string[]): boolean {
	const open = (['due', 'under-way', 'failing', 'gone'] as const).flatMap((state) => namesOf(events, state))
	const isExpected = open.length === expected.length && open.every((name) => expected.includes(name))
	const words =
		open.length === 0
			? 'Every backup is in the bucket.'
			: `Every backup is in the bucket, except ${open.join(', ')}${isExpected ? ': NCP accepted it, but it never arrived' : ''}.`
	console.log(isExpected ? words : paint('red', words))
	return isExpected
}
