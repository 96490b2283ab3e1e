import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkArrival } from '../../lib/arrival/check-arrival.ts'
import { enqueueExport } from '../../lib/export/enqueue-export.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ArrivalCheck, ArrivalPorts, ExportPorts, Listing } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { type Trigger, toDelivery } from '../../lib/request/delivery.ts'
import {
	createArrivalPorts,
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	replyWith,
} from '../fakes.ts'

/** Everything that writes to an export's entry. They overlap in every order that the scheduler can find. */
type Writer = 'queue' | 'webhook' | 'async' | 'check' | 'repeated-check' | 'sweep'

/** A writer, its delay after the previous one, and the number of steps that all of them take before the next one starts. */
interface Move {
	writer: Writer
	waitMinutes: number
	steps: number
}

const MINUTE_MS = 60_000
const DEDUPLICATION_MS = 60 * MINUTE_MS
const DEADLINE_MS = 20 * MINUTE_MS
const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }

const move: fc.Arbitrary<Move> = fc.record({
	writer: fc.constantFrom<Writer>('queue', 'webhook', 'async', 'check', 'check', 'repeated-check', 'sweep'),
	waitMinutes: fc.constantFrom(0, 0, 0, 1, 11, 30),
	steps: fc.nat({ max: 7 }),
})

const ACCEPTED = replyWith(200, { r: { returnCode: '0' } })
const LATER = replyWith(429, { error: { errorCode: '410' } })
const LOST = toLostReply(true, 'ECONNRESET')
const FOUND: Listing = {
	kind: 'listed',
	objects: [{ key: 'f', size: 1, etag: 'e', lastModified: '2026-11-23T00:00:00.000Z' }],
	isWhole: true,
}
const ABSENT: Listing = { kind: 'listed', objects: [], isWhole: true }

/** Runs one step of a process, in an order that the scheduler chooses. */
type Step = <T>(effect: () => Promise<T>) => Promise<T>

const AT_ONCE: Step = (effect) => effect()

class World {
	nowMs = 1_000_000
	ledger = createMemoryLedger()
	destinations = createMemoryDestinations()
	/** Request messages not acknowledged yet. */
	requests = 0
	/** Checks not acknowledged yet. */
	checks: ArrivalCheck[] = []
	/** Calls that NCP may have carried out. */
	calls = 0
	published = new Map<string, string>()
	#replies: Reply[]
	#isThere: boolean
	#ids = 0

	constructor(replies: readonly Reply[], isThere: boolean) {
		this.#replies = [...replies]
		this.#isThere = isThere
	}

	publish(event: OutcomeEvent): void {
		const text = JSON.stringify(event)
		expect(this.published.get(event.id) ?? text).toBe(text)
		this.published.set(event.id, text)
	}

	ports(step: Step): { export: ExportPorts; check: ArrivalPorts } {
		const { ledger, destinations } = this
		const schedule = (check: ArrivalCheck) => step(async () => void this.checks.push(check))
		const shared = {
			ledger: {
				read: (key: string) => step(() => ledger.read(key)),
				replace: ((previous, next, nowMs) =>
					step(() => ledger.replace(previous, next, nowMs))) as typeof ledger.replace,
				expireAt: (...args: Parameters<typeof ledger.expireAt>) => step(() => ledger.expireAt(...args)),
			},
			destinations: {
				...destinations,
				take: (...args: Parameters<typeof destinations.take>) => step(() => destinations.take(...args)),
			},
			publish: (event: OutcomeEvent) => step(async () => this.publish(event)),
			callNcp: () =>
				step(async () => {
					const reply = this.#replies.shift() ?? ACCEPTED
					if (reply !== LATER) this.calls++
					return reply
				}),
			now: () => this.nowMs,
			deduplicationMs: DEDUPLICATION_MS,
		}
		return {
			export: createExportPorts({
				...shared,
				createId: () => `id-${++this.#ids}`,
				arrival: { schedule, deadlineMs: DEADLINE_MS },
			}),
			check: createArrivalPorts({
				...shared,
				schedule,
				listObjects: () => step(async (): Promise<Listing> => (this.#isThere ? FOUND : ABSENT)),
				deadlineMs: DEADLINE_MS,
				resendAfterMs: 10 * MINUTE_MS,
			}),
		}
	}

	async run(writer: Writer, step: Step): Promise<void> {
		const ports = this.ports(step)
		switch (writer) {
			case 'queue':
				this.requests++
				return this.deliver(ports.export)
			case 'webhook':
				// A caller who never retries.
				return exportBackup(deliver('webhook'), ports.export).then(ignore, ignore)
			case 'async': {
				const queue = { send: async () => void this.requests++ }
				return enqueueExport(deliver('webhook'), queue, ports.export).then(ignore, ignore)
			}
			case 'check':
			case 'repeated-check': {
				const [check] = this.checks
				return check && this.look(check, writer === 'repeated-check', ports.check)
			}
			case 'sweep':
				for (const [key, { expiresAtMs }] of this.ledger.entries)
					if (expiresAtMs <= this.nowMs) this.ledger.entries.delete(key)
		}
	}

	/** A failed message stays in `requests`, to be delivered again. */
	async deliver(ports: ExportPorts): Promise<void> {
		await exportBackup(deliver('queue'), ports).then(() => this.requests--, ignore)
	}

	async look(check: ArrivalCheck, isRepeated: boolean, ports: ArrivalPorts) {
		const acknowledge = (): void => {
			const index = this.checks.indexOf(check)
			if (index >= 0 && !isRepeated) this.checks.splice(index, 1)
		}
		await checkArrival(check, ports).then(acknowledge, (error) => {
			if (error.code !== 'EXPORT_GONE') return
			// Only a check delivered twice can outlive its export: the other delivery ended it, and its deduplication is over.
			const said = [...this.published.keys()].filter((id) => id.startsWith(`${check.exportId}/`))
			expect(said.some((id) => !/\/(accepted|unknown)$/.test(id))).toBe(true)
			acknowledge()
		})
	}

	/** Without overlaps, delivers every message until it is acknowledged. */
	async drain(): Promise<void> {
		const ports = this.ports(AT_ONCE)
		for (let rounds = 0; this.requests > 0 || this.checks.length > 0; rounds++) {
			expect(rounds).toBeLessThan(100)
			this.nowMs += 2 * MINUTE_MS
			for (let left = this.requests; left > 0; left--) await this.deliver(ports.export)
			for (const check of [...this.checks]) await this.look(check, false, ports.check)
		}
	}
}

const ignore = (): void => undefined
function deliver(kind: Trigger['kind']) {
	const delivery = toDelivery(REQUEST, { kind, id: 'm' }, { regionCode: 'KR' })
	if (delivery.kind === 'invalid') throw delivery.error
	return delivery
}

it('ends every export in one state, whichever writers overlap', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.scheduler(),
			fc.array(move, { minLength: 4, maxLength: 14, size: 'max' }),
			fc.array(fc.constantFrom(ACCEPTED, LOST, LATER), { maxLength: 4 }),
			fc.boolean(),
			// The steps that are finished before writers overlap.
			fc.subarray<Writer>(['queue', 'check', 'check']),
			async (scheduler, moves, replies, isThere, before) => {
				const world = new World(replies, isThere)
				for (const writer of before) {
					world.nowMs += MINUTE_MS
					await world.run(writer, AT_ONCE)
				}
				const step: Step = (effect) => scheduler.schedule(Promise.resolve()).then(effect)
				const runs: Promise<void>[] = []
				for (const { writer, waitMinutes, steps } of moves) {
					world.nowMs += waitMinutes * MINUTE_MS
					runs.push(world.run(writer, step))
					for (let left = steps; left > 0; left--) {
						// Let each writer reach its next step.
						await turn()
						if (scheduler.count() > 0) await scheduler.waitOne()
					}
				}
				await scheduler.waitFor(Promise.all(runs))
				await world.drain()

				const states = new Map<string, string[]>()
				for (const id of world.published.keys()) {
					const [exportId = '', state = ''] = id.split('/')
					states.set(exportId, [...(states.get(exportId) ?? []), state])
				}
				let mayBeCalled = 0
				for (const each of states.values()) {
					expect(each.filter((state) => state !== 'accepted' && state !== 'unknown')).toHaveLength(1)
					mayBeCalled += each.includes('unknown') ? 2 : 1
				}
				expect(world.calls).toBeLessThanOrEqual(mayBeCalled)
			},
		),
		{ numRuns: 2_000 },
	)
})
