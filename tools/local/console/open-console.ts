import { randomBytes } from 'node:crypto'
import type { PublishedEvent } from '../../terminal/coverage-row.ts'
import type { Cloud, CloudOptions } from '../cloud.ts'
import type { SimulatorOptions } from '../ncp-simulator.ts'
import { type Clock, createClock } from './clock.ts'
import { createFaults } from './faults.ts'
import { createFreshBackups } from './fresh-backups.ts'
import { createJournal } from './journal.ts'
import { createLetters } from './letters.ts'
import { type ConsoleServer, serveConsole } from './serve-console.ts'
import { createWatcher } from './watch-cloud.ts'

export interface ConsoleOptions {
	/** The simulated instances; the console adds one when it is used. Null when a real API is called: then nothing can be broken. */
	instances: SimulatorOptions['instances'] | null
}

export interface PreparedConsole {
	/** What the cloud is started with, so that the console sees what happens and can break it. */
	cloudOptions: Pick<CloudOptions, 'onLine' | 'onWrite' | 'now' | 'simulator'>
	/** Takes what comes out of the topic. */
	takeEvent: (event: PublishedEvent) => void
	open: (cloud: Cloud, options?: OpenOptions) => Promise<ConsoleServer>
}

export interface OpenOptions {
	/** Signs calls of the webhook. */
	webhookSecret?: string | null
	/** Called when time was let pass: sweeps are due. */
	onTimePassed?: () => void
	port?: number
	token?: string
}

/**
 * The live console of `npm start`. It watches the cloud from outside: what the functions log, what they write into the
 * table, what NCP is asked, and what comes out of the topic. Until its page is opened it only keeps count.
 */
export function prepareConsole({ instances }: ConsoleOptions): PreparedConsole {
	const clock = createClock()
	let running: Cloud | null = null
	const journal = createJournal({ now: clock.now, apiUrl: () => running?.env.NCP_API_URL ?? '' })
	const faults = createFaults({
		killFunctions: () => {
			const all = running === null ? [] : [...Object.values(running.functions), running.arrivalFunction]
			for (const fn of all) void fn?.kill()
		},
		failPublishes: (count) => running?.aws.failPublishes(count),
		setTableDown: (isDown) => running?.table.setDown(isDown),
	})
	const simulated = new Map(instances ?? [])
	const fresh = createFreshBackups(simulated)
	let copies = 0

	const simulator: Partial<SimulatorOptions> = {
		instances: simulated,
		keys: faults.keys,
		now: clock.now,
		fault: faults.onCall,
		onCall: journal.takeCall,
		copy: async (bucketName, key, body) => {
			if (faults.losesCopy(key)) return
			await running?.aws.putObject(bucketName, key, body)
			copies++
		},
	}

	const open = async (cloud: Cloud, options: OpenOptions = {}): Promise<ConsoleServer> => {
		const { webhookSecret = null, onTimePassed = () => undefined, port = 0 } = options
		const { token = randomBytes(24).toString('base64url') } = options
		running = cloud
		const sandbox = instances === null ? null : { faults, fresh, clock, onTimePassed }
		const watcher = createWatcher({
			cloud,
			journal,
			letters: createLetters(cloud),
			sandbox,
			now: clock.now,
			copies: () => copies,
		})
		const server = await serveConsole({ cloud, journal, watcher, sandbox, webhookSecret }, { port, token })
		return {
			url: server.url,
			stop: async () => {
				await server.stop()
				clock.stop()
			},
		}
	}

	return {
		cloudOptions: {
			onLine: journal.takeLine,
			onWrite: journal.takeWrite,
			...(instances === null ? {} : { now: clock.now, simulator }),
		},
		takeEvent: journal.takeEvent,
		open,
	}
}

/** What exists only beside the simulator: nothing of it is done to a real API. */
export interface Sandbox {
	faults: ReturnType<typeof createFaults>
	fresh: ReturnType<typeof createFreshBackups>
	clock: Clock
	onTimePassed: () => void
}
