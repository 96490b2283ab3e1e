import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkArrival } from '../../lib/arrival/check-arrival.ts'
import { ExportError } from '../../lib/errors.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ArrivalCheck, ArrivalPorts, CallNcp, ExportPorts, ListObjects } from '../../lib/ports.ts'
import { rowOf } from '../../lib/products.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { fromApiRequest } from '../../lib/request/export-request.ts'
import {
	createArrivalPorts,
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	replyWith,
} from '../fakes.ts'
import { bodyOf, bytesOf, keysOf, type Plan, type PlannedExport, plan, requestFor } from './landing-plans.ts'

const MINUTE_MS = 60_000

const REPLIES = {
	accepted: replyWith(200, { r: { requestId: 'r', returnCode: '0' } }),
	refused: replyWith(400, { responseError: { returnCode: '5001017' } }),
	lost: toLostReply(true, 'ECONNRESET'),
	'lost-undone': toLostReply(true, 'ECONNRESET'),
} as const

interface StoredBytes {
	body: string
	atMs: number
}

/** NCP, the buckets and the topic in memory, and the two use cases between them. */
class World {
	nowMs = Date.UTC(2026, 10, 24)
	readonly plan: Plan
	readonly ledger = createMemoryLedger()
	readonly destinations: ExportPorts['destinations']
	readonly buckets = new Map<string, Map<string, StoredBytes>>()
	readonly due: { atMs: number; run: () => Promise<void> | void }[] = []
	readonly events: OutcomeEvent[] = []
	/** The number of calls for each planned export. */
	readonly calls = new Map<PlannedExport, number>()
	/** By the id of its export. */
	readonly #planned = new Map<string, PlannedExport>()
	/** Whose delivery or check is running: all run one after another. */
	#current: PlannedExport | null = null
	#ids = 0

	constructor(plan: Plan) {
		this.plan = plan
		this.destinations = createMemoryDestinations(plan.areDestinationsShared ? 'shared' : 'exclusive')
		for (const each of plan.exports) {
			this.at(each.startMinute, () => this.deliver(each))
			const { repeatMinutes } = each
			if (repeatMinutes !== undefined) this.at(each.startMinute + repeatMinutes, () => this.deliver(each))
		}
		for (const { bucketName, key, minute } of plan.strangers)
			this.at(minute, () => this.put(bucketName, key, 'a stranger’s'))
	}

	at(minute: number, run: () => Promise<void> | void): void {
		this.due.push({ atMs: this.nowMs + minute * MINUTE_MS, run })
	}

	/** Runs everything that is due, in order of time, until nothing is left. */
	async run(): Promise<void> {
		for (let turns = 0; this.due.length > 0; turns++) {
			if (turns > 5_000) throw new Error('it does not end')
			const next = this.due.reduce((first, each) => (each.atMs < first.atMs ? each : first))
			this.due.splice(this.due.indexOf(next), 1)
			this.nowMs = Math.max(this.nowMs, next.atMs)
			await next.run()
		}
	}

	exportsOf(planned: PlannedExport): Set<string> {
		return new Set([...this.#planned].filter(([, each]) => each === planned).map(([exportId]) => exportId))
	}

	put(bucketName: string, key: string, body: string): void {
		const bucket = this.buckets.get(bucketName) ?? new Map<string, StoredBytes>()
		bucket.set(key, { body, atMs: this.nowMs })
		this.buckets.set(bucketName, bucket)
	}

	/** NCP: performs the export, and answers or does not. */
	callNcp: CallNcp = async (request) => {
		const planned = this.#current
		expect(request).toMatchObject({ instanceNo: planned?.instanceNo, fileName: planned?.fileName })
		if (planned === null) throw new Error('this call is not in the plan')
		const nth = (this.calls.get(planned) ?? 0) + 1
		this.calls.set(planned, nth)
		const reply = nth === 1 ? planned.reply : 'accepted'
		const isDone = reply === 'accepted' || reply === 'lost'
		for (const key of isDone ? keysOf(planned) : [])
			this.at(planned.copyMinutes, () => this.put(planned.bucketName, key, bodyOf(planned)))
		return REPLIES[reply]
	}

	listObjects: ListObjects = async (bucketName, prefix) => ({
		kind: 'listed',
		objects: [...(this.buckets.get(bucketName) ?? [])]
			.filter(([key]) => key.startsWith(prefix))
			.map(([key, { body, atMs }]) => ({
				key,
				size: body.length,
				etag: 'e',
				lastModified: new Date(atMs).toISOString(),
			})),
		isWhole: true,
	})

	publish: ExportPorts['publish'] = async (event) => {
		this.events.push(event)
		const { state, object, request } = event.data
		if (state !== 'completed' || object === null || request === null) return
		// The world, not the product's word: whose bytes are they, at this moment?
		const bytes = this.buckets.get(request.bucketName)?.get(object.key)?.body
		expect(bytes).toBe(bytesOf(fromApiRequest(request)))
	}

	schedule: ArrivalPorts['schedule'] = async (check, delaySeconds) => {
		this.at(delaySeconds / 60, () => this.check(check))
	}

	#shared() {
		const { ledger, destinations, callNcp, publish } = this
		return {
			ledger,
			destinations,
			callNcp,
			publish,
			now: () => this.nowMs,
			deduplicationMs: 24 * 60 * MINUTE_MS,
		}
	}

	async deliver(planned: PlannedExport): Promise<void> {
		const body = JSON.stringify(requestFor(planned))
		const trigger = { kind: 'queue', id: `message-${this.plan.exports.indexOf(planned)}` } as const
		const delivery = toDelivery(body, trigger, { regionCode: 'KR', sentAtMs: this.nowMs })
		const ports = createExportPorts({
			...this.#shared(),
			createId: () => `export-${++this.#ids}`,
			arrival: { schedule: this.schedule, deadlineMs: 120 * MINUTE_MS },
		})
		this.#current = planned
		const { event } = await exportBackup(delivery, ports)
		const { exportId } = event.data
		if (exportId !== null && !this.#planned.has(exportId)) this.#planned.set(exportId, planned)
	}

	async check(check: ArrivalCheck): Promise<void> {
		const ports = createArrivalPorts({
			...this.#shared(),
			listObjects: this.listObjects,
			keyPrefix: this.plan.keyPrefix,
			schedule: this.schedule,
			deadlineMs: 120 * MINUTE_MS,
			resendAfterMs: 10 * MINUTE_MS,
		})
		this.#current = this.#planned.get(check.exportId) ?? null
		await checkArrival(check, ports).catch((error) => {
			if (!(error instanceof ExportError) || error.code !== 'EXPORT_GONE') throw error
		})
	}
}

it('names no object in a completed outcome but one with the bytes of that backup', async () => {
	const seen = new Map<string, number>()
	await fc.assert(
		fc.asyncProperty(plan, async (planned) => {
			const world = new World(planned)
			await world.run()
			const terminal = new Map<string, string>()
			for (const { id, data } of world.events.filter(({ data }) => data.terminal)) {
				const subject = data.exportId ?? id
				// Every export ends once, whatever is published again.
				expect(terminal.get(subject) ?? id).toBe(id)
				terminal.set(subject, id)
				seen.set(data.state, (seen.get(data.state) ?? 0) + 1)
			}
			for (const { exportId, event } of world.ledger.entries.values())
				expect([...terminal.keys()]).toContain(event?.data.state === 'rejected' ? event.id : exportId)
			for (const [each, calls] of world.calls) {
				// A repeat after the time of deduplication is another export.
				const count = world.exportsOf(each).size
				expect(calls).toBeLessThanOrEqual(each.reply.startsWith('lost') ? count + 1 : count)
			}
		}),
		{ numRuns: 1_500 },
	)
	// The plans reach every ending.
	expect([...seen.keys()].sort()).toEqual(['completed', 'missing', 'refused', 'rejected', 'unverified'])
})

it('completes every export that lands in its own place in time, when each instance has its own folder or bucket', async () => {
	const clean = plan.map((any) => ({
		...any,
		areDestinationsShared: false,
		keyPrefix: '{fileName}',
		exports: any.exports.map((each, index) => ({
			...each,
			fileName: `2021052${index}`,
			...(index % 2 === 0 && rowOf(each.product).hasFolder
				? { bucketName: 'shared', folderPath: `${each.instanceNo}/` }
				: { bucketName: `own-${each.instanceNo}`, folderPath: undefined }),
			idempotencyKey: undefined,
			repeatMinutes: undefined,
			landing: (['own-place', 'with-ending'] as const)[index % 2] ?? 'own-place',
			copyMinutes: Math.min(each.copyMinutes, 3),
			reply: each.reply === 'refused' ? ('accepted' as const) : each.reply,
		})),
	}))
	await fc.assert(
		fc.asyncProperty(clean, async (planned) => {
			const world = new World(planned)
			await world.run()
			const last = world.events.filter(({ data }) => data.terminal).map(({ data }) => data.state)
			expect(last).toEqual(planned.exports.map(() => 'completed'))
		}),
		{ numRuns: 200 },
	)
})
