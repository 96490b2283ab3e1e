import type { ServerResponse } from 'node:http'
import type { CoverageEvent } from '../../../lib/coverage/coverage-event.ts'
import type { Cloud } from '../cloud.ts'
import { createBroadcast } from './broadcast.ts'
import { type Flow, readFlow } from './cloud-state.ts'
import type { FreshRequest } from './fresh-backups.ts'
import type { Journal } from './journal.ts'
import type { Letters, ListedLetter } from './letters.ts'
import type { Sandbox } from './open-console.ts'
import type { FaultName } from './words.ts'

/** What the page is told by itself, by the name of the server-sent event. */
export interface Pushed {
	flow: Flow
	coverage: CoverageEvent['data'][]
	letters: ListedLetter[]
	/** Null when a real API is called. */
	sandbox: SandboxView | null
	/** The ids of the exports that have changed. */
	changed: string[]
	/** The cloud's clock, in milliseconds since the epoch. Comes every second, also as a sign of life. */
	clock: number
}

export interface SandboxView {
	planted: Partial<Record<FaultName, number | null>>
	next: FreshRequest
}

export interface Watcher {
	/** Adds an open page. False when there are too many. */
	add: (response: ServerResponse) => Promise<boolean>
	/** Tells the pages now instead of with the next tick. */
	refresh: () => Promise<void>
	redrive: Letters['redrive']
	stop: () => void
}

export interface WatcherOptions {
	cloud: Cloud
	journal: Journal
	letters: Letters
	sandbox: Sandbox | null
	now: () => number
	/** Copies that arrived in the bucket. */
	copies: () => number
}

const CHANGES_MS = 250
const FLOW_MS = 1_000

/** Looks at the cloud while a page is open, and tells the page what has changed. */
export function createWatcher({ cloud, journal, letters, sandbox, now, copies }: WatcherOptions): Watcher {
	const broadcast = createBroadcast()
	const timers: NodeJS.Timeout[] = []
	let known = -1

	const publish = <Kind extends keyof Pushed>(kind: Kind, value: Pushed[Kind]): void =>
		broadcast.publish(kind, value)

	const tellChanges = (): void => {
		publish('coverage', journal.coverage())
		publish('sandbox', sandbox && { planted: sandbox.faults.planted(), next: sandbox.fresh.next() })
		const changed = journal.takeChanged()
		if (changed.length > 0) broadcast.announce('changed', changed)
	}

	const tellFlow = async (): Promise<void> => {
		const flow = await readFlow(cloud, journal.totals(), copies())
		publish('flow', flow)
		broadcast.announce('clock', now())
		if (flow.dead === known) return
		known = flow.dead
		publish('letters', await letters.list())
	}

	/** A tick that is slow is not overtaken by the next. */
	const every = (ms: number, run: () => Promise<void> | void): void => {
		let isRunning = false
		const tick = async (): Promise<void> => {
			if (isRunning || broadcast.clients() === 0) return
			isRunning = true
			try {
				await run()
			} finally {
				isRunning = false
			}
		}
		// The cloud is stopped under it: the next page shows that the connection is lost.
		timers.push(setInterval(() => void tick().catch(() => undefined), ms).unref())
	}
	every(CHANGES_MS, tellChanges)
	every(FLOW_MS, tellFlow)

	const refresh = async (): Promise<void> => {
		tellChanges()
		await tellFlow()
	}

	return {
		add: async (response) => {
			await refresh()
			return broadcast.add(response)
		},
		refresh,
		redrive: async (messageIds) => {
			const count = await letters.redrive(messageIds)
			known = -1
			await refresh()
			return count
		},
		stop: () => {
			for (const timer of timers) clearInterval(timer)
			broadcast.stop()
		},
	}
}
