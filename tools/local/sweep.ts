import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import type { Sweep } from '../../lib/coverage/sweep-instances.ts'
import { count } from '../terminal/count.ts'
import { toCountsText } from '../terminal/coverage-row.ts'
import { toPlain } from '../terminal/outcome-row.ts'
import type { LocalFunction } from './function-process.ts'

/** The local policy: all simulated instances. A field left out has its default. */
export const LOCAL_POLICY = { name: 'local', bucketName: 'my-bucket', graceHours: 1 } as const

/** The policy, in words. */
export const LOCAL_POLICY_TEXT = 'all instances, bucket my-bucket, folder {instanceNo}/'

export interface Sweeper {
	/**
	 * Sweeps once, and resolves with the events of all instances when each has been checked, in the order of their numbers.
	 * Rejects when the instances cannot be listed, and when the signal is raised before the last one is checked.
	 */
	sweep: (signal: AbortSignal) => Promise<CoverageEvent[]>
	/** Takes an event from the topic. True when it is of the local policy, whose sweeps are shown as a whole. */
	take: (event: CoverageEvent) => boolean
}

/** Stands for the schedule of the local policy, and gathers what each sweep found. One sweep runs at a time. */
export function createSweeper(fn: LocalFunction): Sweeper {
	const events = new Map<string, CoverageEvent>()
	let sweptAt = ''
	let onEvent = (): void => undefined
	return {
		sweep: async (signal) => {
			events.clear()
			sweptAt = new Date().toISOString()
			const result = await fn.invoke({ policy: LOCAL_POLICY, sweptAt })
			if (!result.ok) throw new Error(`the instances cannot be swept: ${result.errorMessage}`)
			const { instanceNos } = result.value as Sweep
			const { promise, resolve, reject } = Promise.withResolvers<void>()
			onEvent = () => {
				if (instanceNos.every((each) => events.has(each))) resolve()
			}
			onEvent()
			const stop = (): void => {
				const unchecked = instanceNos.filter((each) => !events.has(each))
				reject(new Error(`the sweep has not ended: ${unchecked.join(', ')} not checked`))
			}
			if (signal.aborted) stop()
			else signal.addEventListener('abort', stop, { once: true })
			await promise.finally(() => signal.removeEventListener('abort', stop))
			return [...events.values()].sort((a, b) => (a.data.instanceNo < b.data.instanceNo ? -1 : 1))
		},
		take: (event) => {
			const { policy, instanceNo } = event.data
			if (policy !== LOCAL_POLICY.name) return false
			// A check of an earlier sweep may end late.
			if (event.id === `coverage/${policy}/${instanceNo}/${sweptAt}`) {
				events.set(instanceNo, event)
				onEvent()
			}
			return true
		},
	}
}

/** Named in one line; the rest is counted. */
const MAX_NAMED = 5

/** A sweep in one or two lines: "Coverage: 5 instances, 8 backups: 5 covered, 2 due, 1 failing", and what is not covered. */
export function toSweepText(events: readonly CoverageEvent[]): string {
	const counts = toCountsText(events.map(({ data }) => data.counts))
	const lines = [`Coverage: ${count(events.length, 'instance')}, ${counts}`]
	const open = (['due', 'failing', 'gone'] as const).flatMap((state) => {
		const names = namesOf(events, state)
		const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''
		return names.length === 0 ? [] : [`${state} ${names.slice(0, MAX_NAMED).join(', ')}${more}`]
	})
	if (open.length > 0) lines.push(toPlain(`  ${open.join('; ')}`))
	return lines.join('\n')
}

/** The backups in a state, as `{instance}/{file}`, the oldest first. */
export function namesOf(
	events: readonly CoverageEvent[],
	wanted: CoverageEvent['data']['backups'][number]['state'],
): string[] {
	return events.flatMap(({ data: { instanceNo, backups } }) =>
		backups.filter(({ state }) => state === wanted).map(({ fileName }) => `${instanceNo}/${fileName}`),
	)
}
