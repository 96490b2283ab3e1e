import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ExportPorts } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { createExportPorts, createMemoryDestinations, createMemoryLedger, replyWith } from '../fakes.ts'

/** What happens to one delivery; `crashAt` = the process dies after the n-th step that takes effect. */
interface Fate {
	export: number
	crashAt: number | null
	ncp: 'accepted' | 'refused' | 'later' | 'unsent' | 'lost-performed' | 'lost-not-performed'
	isPublishFailing: boolean
	/** Time that passes before it starts: none, or enough for every lease to expire. */
	waitsMs: 0 | 100_000
	isLast: boolean
}

const fate: fc.Arbitrary<Fate> = fc.record({
	export: fc.nat({ max: 2 }),
	crashAt: fc.option(fc.nat({ max: 7 }), { freq: 3 }),
	ncp: fc.constantFrom(
		'accepted',
		'accepted',
		'refused',
		'later',
		'unsent',
		'lost-performed',
		'lost-not-performed',
	),
	isPublishFailing: fc.boolean(),
	waitsMs: fc.constantFrom(0, 0, 100_000),
	isLast: fc.nat({ max: 9 }).map((n) => n === 0),
})

const answer = (body: object, httpStatus = 200): Reply => replyWith(httpStatus, body)
const REPLIES: Record<Fate['ncp'], Reply> = {
	accepted: answer({ r: { requestId: 'r', returnCode: '0' } }),
	refused: answer({ responseError: { returnCode: '5001017' } }, 400),
	later: answer({ error: { errorCode: '410' } }, 429),
	unsent: toLostReply(false, 'ECONNREFUSED'),
	'lost-performed': toLostReply(true, 'ECONNRESET'),
	'lost-not-performed': toLostReply(true, 'ECONNRESET'),
}

class World {
	ledger = createMemoryLedger()
	destinations = createMemoryDestinations()
	performed = new Map<string, number>()
	/** Every event that reached the topic, by id. */
	published = new Map<string, string>()
	terminals = new Map<string, Set<string>>()
	nowMs = 1_000_000
	ids = 0

	take(event: OutcomeEvent): void {
		const text = JSON.stringify(event)
		// Events with the same id must be identical.
		expect(this.published.get(event.id) ?? text).toBe(text)
		this.published.set(event.id, text)
		const file = event.data.request?.fileName ?? ''
		this.terminals.set(file, (this.terminals.get(file) ?? new Set()).add(event.id))
	}

	/** The ports of one process: each step is scheduled, and the process may die after it. */
	portsOf(fate: Fate, step: <T>(effect: () => T) => Promise<T>): ExportPorts {
		let steps = 0
		// A dead process does nothing more, not even error handling.
		const live = (): void => {
			if (fate.crashAt !== null && steps++ >= fate.crashAt) throw new Error('killed')
		}
		const dieAfter = async <T>(effect: () => T): Promise<T> => {
			live()
			const result = await step(effect)
			live()
			return result
		}
		return createExportPorts({
			deduplicationMs: 24 * 3_600_000,
			now: () => this.nowMs,
			createId: () => `id-${++this.ids}`,
			ledger: {
				read: async (key) => (await dieAfter(() => this.ledger.read(key))) ?? null,
				replace: async (previous, next, nowMs) => dieAfter(() => this.ledger.replace(previous, next, nowMs)),
				expireAt: async (entry, expiresAtMs) => dieAfter(() => this.ledger.expireAt(entry, expiresAtMs)),
			},
			destinations: {
				...this.destinations,
				take: async (...args) => dieAfter(() => this.destinations.take(...args)),
			},
			callNcp: ({ fileName }) =>
				dieAfter(() => {
					if (fate.ncp === 'accepted' || fate.ncp === 'lost-performed') {
						this.performed.set(fileName, (this.performed.get(fileName) ?? 0) + 1)
					}
					return REPLIES[fate.ncp]
				}),
			publish: (event) =>
				dieAfter(() => {
					if (fate.isPublishFailing) throw new ExportError('PUBLISH_FAILED', 'told to')
					this.take(event)
				}),
		})
	}
}

const deliver = (fate: Fate) =>
	toDelivery(
		{ cloudPostgresqlInstanceNo: '1', fileName: `file-${fate.export}`, bucketName: 'my-bucket' },
		{ kind: 'queue', id: `message-${fate.export}` },
		{ regionCode: 'KR', isLast: fate.isLast },
	)

it('performs each export at most once and ends each in one state, whatever crashes, repeats or is lost', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.scheduler(),
			fc.array(fate, { minLength: 1, maxLength: 10 }),
			async (scheduler, fates) => {
				const world = new World()
				const run = async (each: Fate): Promise<void> => {
					const ports = world.portsOf(each, (effect) => scheduler.schedule(Promise.resolve()).then(effect))
					await scheduler.schedule(Promise.resolve())
					world.nowMs += each.waitsMs
					await exportBackup(deliver(each), ports).catch(() => undefined)
				}
				await scheduler.waitFor(Promise.all(fates.map(run)))

				// The queue delivers a message until it is acknowledged, so every export reaches a terminal state.
				for (const index of new Set(fates.map((each) => each.export))) {
					world.nowMs += 100_000
					const calm: Fate = {
						export: index,
						crashAt: null,
						ncp: 'accepted',
						isPublishFailing: false,
						waitsMs: 0,
						isLast: false,
					}
					await exportBackup(
						deliver(calm),
						world.portsOf(calm, async (effect) => effect()),
					)
					const file = `file-${index}`
					expect(world.terminals.get(file)?.size).toBe(1)
					expect(world.performed.get(file) ?? 0).toBeLessThanOrEqual(1)
					const [id = ''] = world.terminals.get(file) ?? []
					if (id.endsWith('/accepted')) expect(world.performed.get(file)).toBe(1)
					if (/\/(refused|exhausted)$/.test(id)) expect(world.performed.get(file)).toBeUndefined()
				}
			},
		),
		{ numRuns: 2_000 },
	)
})
