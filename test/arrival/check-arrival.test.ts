import { describe, expect, it } from 'vitest'
import { checkArrival } from '../../lib/arrival/check-arrival.ts'
import { ExportError } from '../../lib/errors.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import type { Entry } from '../../lib/ledger/ledger.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ArrivalCheck, ArrivalPorts, CheckEnding, ExportPorts, Listing } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import {
	createArrivalPorts,
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	interceptWrites,
	left,
	replyWith as reply,
} from '../fakes.ts'

const MINUTE_MS = 60_000
const ACCEPTED = reply(200, { r: { requestId: 'r-1', returnCode: '0' } })
const REFUSED = reply(400, { responseError: { returnCode: '5001017' } })
const LATER = reply(429, { error: { errorCode: '410' } })
const LOST = toLostReply(true, 'ECONNRESET')
const OBJECT = { key: '20210528', size: 6, etag: 'e', lastModified: '2026-12-24T00:00:00.000Z' }
const FOUND: Listing = {
	kind: 'listed',
	objects: [{ ...OBJECT, key: '20210528.bak' }, OBJECT],
	isWhole: true,
}
const ABSENT: Listing = { kind: 'listed', objects: [], isWhole: true }
const UNREADABLE: Listing = { kind: 'unreadable', reason: 'AccessDenied' }

/** Both use cases with one ledger, one clock and one queue of checks that the test delivers itself. */
class World {
	nowMs = Date.UTC(2026, 10, 23)
	ledger = createMemoryLedger()
	queue: { check: ArrivalCheck; atMs: number }[] = []
	published: OutcomeEvent[] = []
	endings: (CheckEnding | ExportError)[] = []
	steps: string[][] = []
	calls = 0
	listing: Listing = ABSENT
	destinations = createMemoryDestinations()
	reply: Reply = ACCEPTED
	failPublishes = 0
	completions: unknown[] = []
	canRecord = true
	unrecorded: unknown[] = []

	schedule: ArrivalPorts['schedule'] = async (check, delaySeconds) => {
		this.queue.push({ check, atMs: this.nowMs + delaySeconds * 1000 })
	}

	publish: ArrivalPorts['publish'] = async (event) => {
		if (this.failPublishes-- > 0) throw new ExportError('PUBLISH_FAILED', 'no')
		this.published.push(event)
	}

	callNcp: ArrivalPorts['callNcp'] = async () => {
		this.calls++
		return this.reply
	}

	#shared() {
		const { ledger, destinations, publish, callNcp } = this
		const deduplicationMs = 24 * 60 * MINUTE_MS
		return { ledger, destinations, publish, callNcp, deduplicationMs, now: () => this.nowMs }
	}

	get exportPorts(): ExportPorts {
		const arrival = { schedule: this.schedule, deadlineMs: 120 * MINUTE_MS }
		return createExportPorts({ ...this.#shared(), arrival })
	}

	get ports(): ArrivalPorts {
		return createArrivalPorts({
			...this.#shared(),
			schedule: this.schedule,
			listObjects: async () => this.listing,
			recordCompletion: async (completion) => {
				if (!this.canRecord) throw new ExportError('LEDGER_UNAVAILABLE', 'the table did not answer')
				this.completions.push(completion)
			},
			observeUnrecorded: ({ exportId, check }, { code }) => this.unrecorded.push({ exportId, check, code }),
			deadlineMs: 120 * MINUTE_MS,
			resendAfterMs: 10 * MINUTE_MS,
			observe: (_check, ending, { stepMs }) => {
				this.endings.push(ending)
				this.steps.push(Object.keys(stepMs).sort())
			},
		})
	}

	async export(
		id = 'm-1',
		instanceField = 'cloudPostgresqlInstanceNo',
		regionCode: string | null = 'KR',
	): Promise<OutcomeEvent> {
		const request = { [instanceField]: '1', fileName: '20210528', bucketName: 'my-bucket' }
		const delivery = toDelivery(request, { kind: 'queue', id }, { regionCode: regionCode ?? undefined })
		const ending = await exportBackup(delivery, this.exportPorts)
		if (ending.kind !== 'published') throw ending.error
		return ending.event
	}

	/** Lets time pass until the next check is due, and runs it. */
	async runNext(): Promise<CheckEnding> {
		const next = this.queue.shift()
		if (next === undefined) throw new Error('no check is scheduled')
		this.nowMs = Math.max(this.nowMs, next.atMs)
		return checkArrival(next.check, this.ports)
	}

	/** Runs checks until none is left; returns the published states and the number of looks. */
	async runAll(): Promise<{ states: string[]; looks: number }> {
		let looks = 0
		for (; this.queue.length > 0; looks++) await this.runNext()
		return { states: this.published.map(({ data }) => data.state), looks }
	}
}

async function exported(reply: Reply = ACCEPTED): Promise<World> {
	const world = new World()
	world.reply = reply
	await world.export()
	return world
}

describe('checkArrival', () => {
	it('completes an export whose object is there, and names every candidate', async () => {
		const world = await exported()
		expect(world.published[0]?.data).toMatchObject({ state: 'accepted', terminal: false })
		world.listing = FOUND
		await world.runAll()
		expect(world.published[1]).toMatchObject({
			id: 'export-1/completed',
			type: 'ncp.backup.export.completed.v1',
			data: {
				terminal: true,
				object: { key: '20210528', size: 6 },
				error: null,
				reply: { requestId: 'r-1' },
			},
		})
		expect(world.completions).toEqual([{ instance: 'KR/1', atMs: world.nowMs }])
		expect(world.endings.at(-1)).toMatchObject({ candidates: ['20210528', '20210528.bak'] })
	})

	it('records "-" for an instance whose request names no region', async () => {
		const world = new World()
		await world.export('m-1', 'cloudPostgresqlInstanceNo', null)
		world.listing = FOUND
		await world.runAll()
		expect(world.completions).toEqual([{ instance: '-/1', atMs: world.nowMs }])
	})

	it.each<[string, Listing, string[]]>([
		['missing', ABSENT, []],
		['unverified', { ...FOUND, objects: [{ ...OBJECT, key: 'elsewhere/20210528' }] }, ['elsewhere/20210528']],
	])(
		'ends %s without recording a completion, and names the candidates',
		async (state, listing, candidates) => {
			const world = await exported()
			world.listing = listing
			const { states } = await world.runAll()
			expect(states).toEqual(['accepted', state])
			expect(world.endings.at(-1)).toMatchObject({ candidates })
			expect(world.completions).toEqual([])
		},
	)

	it('names no candidates when it only publishes again how an export ended', async () => {
		const world = await exported()
		const [first] = world.queue
		world.listing = FOUND
		await world.runAll()
		if (first === undefined) throw new Error('a check was asked for')
		expect(await checkArrival(first.check, world.ports)).toMatchObject({ kind: 'outcome', candidates: [] })
	})

	it('names the instance of another product with the product in front when it records a completion', async () => {
		const world = new World()
		await world.export('m-1', 'cloudMysqlInstanceNo')
		world.listing = FOUND
		await world.runAll()
		expect(world.completions).toEqual([{ instance: 'mysql/KR/1', atMs: world.nowMs }])
	})

	it('times each of its steps by name', async () => {
		const world = await exported(LOST)
		world.reply = ACCEPTED
		await world.runAll()
		expect(new Set(world.steps.flat())).toEqual(new Set(['look', 'call', 'settle', 'publish', 'schedule']))
		// The first check only looks, and asks for the next.
		expect(world.steps[0]).toEqual(['look', 'schedule', 'settle'])
	})

	it('publishes once and has ended, even when the completion cannot be recorded', async () => {
		const world = await exported()
		world.listing = FOUND
		world.canRecord = false
		expect(await world.runAll()).toEqual({ states: ['accepted', 'completed'], looks: 1 })
		expect(world.unrecorded).toEqual([{ exportId: 'export-1', check: 0, code: 'LEDGER_UNAVAILABLE' }])
		expect(world.endings).toMatchObject([{ kind: 'outcome' }])
		// It is kept for the time of deduplication only, as after every last outcome.
		const [entry] = world.ledger.entries.values()
		expect(entry?.expiresAtMs).toBe(world.nowMs + 24 * 60 * MINUTE_MS)
	})

	it('checks until the deadline, and publishes "missing" exactly then', async () => {
		const world = await exported()
		const settledMs = world.nowMs
		expect(await world.runAll()).toEqual({ states: ['accepted', 'missing'], looks: 12 })
		expect(world.nowMs - settledMs).toBe(120 * MINUTE_MS)
		expect(world.published[1]?.data.error).toMatchObject({ code: 'NOT_ARRIVED' })
	})

	it('publishes "unverified", never "missing", when the bucket cannot be read', async () => {
		const world = await exported()
		world.listing = UNREADABLE
		expect((await world.runAll()).states).toEqual(['accepted', 'unverified'])
		expect(world.published[1]?.data.error).toMatchObject({
			code: 'NOT_VERIFIABLE',
			message: expect.stringContaining('AccessDenied'),
		})
	})

	it('publishes "unverified" when the bucket cannot be read at the deadline, even if it could before', async () => {
		const world = await exported()
		await world.runNext()
		world.listing = UNREADABLE
		expect((await world.runAll()).states).toEqual(['accepted', 'unverified'])
	})

	it('completes an unknown export whose object is there, without calling NCP', async () => {
		const world = await exported(LOST)
		world.listing = FOUND
		expect((await world.runAll()).states).toEqual(['unknown', 'completed'])
		expect(world.published[1]?.data.error).toBeNull()
		expect(world.calls).toBe(1)
	})

	it('sends an unknown export once more when it is absent after ten minutes, then checks it like any other', async () => {
		const world = await exported(LOST)
		const startMs = world.nowMs
		world.reply = ACCEPTED
		while (world.calls < 2) await world.runNext()
		expect(world.nowMs - startMs).toBeGreaterThanOrEqual(10 * MINUTE_MS)
		world.listing = FOUND
		expect((await world.runAll()).states).toEqual(['unknown', 'accepted', 'completed'])
		expect(world.published.map(({ data }) => data.attempts)).toEqual([1, 2, 2])
		expect(world.calls).toBe(2)
	})

	it.each([
		[REFUSED, ['unknown', 'missing'], 2],
		[LOST, ['unknown', 'missing'], 2],
		[ACCEPTED, ['unknown', 'accepted', 'missing'], 2],
	])('ends in one state whatever the reply to the resend is', async (second, states, calls) => {
		const world = await exported(LOST)
		world.reply = second
		expect((await world.runAll()).states).toEqual(states)
		expect(world.calls).toBe(calls)
	})

	it('counts a resend whose reply is lost among the attempts, and logs what NCP said', async () => {
		const world = await exported(LOST)
		const seen: unknown[] = []
		world.reply = REFUSED
		while (world.calls < 2) {
			const next = world.queue.shift()
			if (next === undefined) throw new Error('no check')
			world.nowMs = Math.max(world.nowMs, next.atMs)
			const observe: ArrivalPorts['observe'] = (_check, _ending, { reply }) => seen.push(reply)
			await checkArrival(next.check, { ...world.ports, observe })
		}
		expect(seen.at(-1)).toMatchObject({ kind: 'refused', returnCode: '5001017' })
		await world.runAll()
		expect(world.published.at(-1)?.data).toMatchObject({ state: 'missing', attempts: 2 })
	})

	it('looks after an accepted resend as after any accepted export: after 30 s, then 1, 2, 4 minutes', async () => {
		const world = await exported(LOST)
		world.reply = ACCEPTED
		while (world.calls < 2) await world.runNext()
		const waits: number[] = []
		while (waits.length < 5) {
			const fromMs = world.nowMs
			await world.runNext()
			waits.push((world.nowMs - fromMs) / 1000)
		}
		expect(waits).toEqual([30, 60, 120, 240, 480])
	})

	it('completes an export whose resend was refused, perhaps because the first call was running', async () => {
		const world = await exported(LOST)
		world.reply = REFUSED
		while (world.calls < 2) await world.runNext()
		world.listing = FOUND
		expect((await world.runAll()).states).toEqual(['unknown', 'completed'])
	})

	it('ends at the deadline, however often NCP says "later" to the resend', async () => {
		const world = await exported(LOST)
		world.reply = LATER
		const settledMs = world.nowMs
		const { states, looks } = await world.runAll()
		expect(states).toEqual(['unknown', 'missing'])
		expect(looks).toBeLessThan(20)
		expect(world.nowMs - settledMs).toBe(120 * MINUTE_MS)
	})

	it('gives a resend whose reply is lost its own deadline', async () => {
		const world = await exported(LOST)
		world.listing = UNREADABLE
		for (let look = 0; look < 10; look++) await world.runNext()
		world.listing = ABSENT
		while (world.calls < 2) await world.runNext()
		const resentMs = world.nowMs
		expect((await world.runAll()).states.at(-1)).toMatch(/missing|unverified/)
		expect(world.nowMs - resentMs).toBe(120 * MINUTE_MS)
	})

	it('publishes that a resend was accepted even if its check was delivered twice', async () => {
		const world = await exported(LOST)
		while (world.calls < 2) {
			const [next] = world.queue
			if (next === undefined) throw new Error('no check')
			const double = () => checkArrival(next.check, world.ports)
			const callNcp: ArrivalPorts['callNcp'] = async (...args) => {
				expect(await double()).toEqual({ kind: 'stale' })
				world.reply = ACCEPTED
				return world.callNcp(...args)
			}
			world.queue.shift()
			world.nowMs = Math.max(world.nowMs, next.atMs)
			await checkArrival(next.check, { ...world.ports, callNcp })
		}
		// The second delivery publishes the earlier event again, with the same id.
		expect([...new Set((await world.runAll()).states)]).toEqual(['unknown', 'accepted', 'missing'])
	})

	it('publishes that a resend was accepted even if a double of its check acknowledges what was not published', async () => {
		const world = await exported(LOST)
		for (
			let next = world.queue.shift();
			next !== undefined;
			next = world.calls < 2 ? world.queue.shift() : undefined
		) {
			const { check, atMs } = next
			world.nowMs = Math.max(world.nowMs, atMs)
			const callNcp: ArrivalPorts['callNcp'] = async (...args) => {
				expect(await checkArrival(check, world.ports)).toEqual({ kind: 'stale' })
				world.reply = ACCEPTED
				world.failPublishes = 1
				return world.callNcp(...args)
			}
			await checkArrival(check, { ...world.ports, callNcp }).catch(({ code }) =>
				expect(code).toBe('PUBLISH_FAILED'),
			)
		}
		const { states } = await world.runAll()
		expect([...new Set(states)]).toEqual(['unknown', 'accepted', 'missing'])
	})

	it('publishes that a resend was accepted even if the reply to the table write was lost', async () => {
		const world = await exported(LOST)
		world.reply = ACCEPTED
		let isLost = true
		const ledger = interceptWrites(world.ledger, (phase, _previous, next) => {
			if (phase === 'before' || next.state !== 'accepted' || !isLost) return
			isLost = false
			throw new ExportError('LEDGER_UNAVAILABLE', 'the answer is lost')
		})
		while (world.calls < 2) {
			const next = world.queue.shift()
			if (next === undefined) throw new Error('no check')
			world.nowMs = Math.max(world.nowMs, next.atMs)
			await checkArrival(next.check, { ...world.ports, ledger })
		}
		expect(isLost).toBe(false)
		expect((await world.runAll()).states).toEqual(['unknown', 'accepted', 'missing'])
	})

	it('continues the checks when one check is delivered twice at the same time and the first writer dies', async () => {
		const world = await exported()
		const next = world.queue.shift()
		if (next === undefined) throw new Error('no check')
		world.nowMs = next.atMs
		// The function that writes first is killed before it asks for the next check.
		const dying = { ...world.ports, schedule: () => Promise.reject(new Error('killed')) }
		const both = await Promise.allSettled([
			checkArrival(next.check, dying),
			checkArrival(next.check, world.ports),
		])
		expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
		expect(world.queue).toMatchObject([{ check: { check: 1 } }])
	})

	describe('of an export that was claimed before destinations belonged to instances', () => {
		const REQUEST = {
			product: 'postgresql',
			instanceNo: '2',
			fileName: '20210528',
			bucketName: 'my-bucket',
		} as const

		async function claimedBefore(
			reply: Reply,
			destinationRule: Entry['destinationRule'] = null,
		): Promise<World> {
			const world = await exported(reply)
			world.destinations.taken.clear()
			for (const [key, entry] of world.ledger.entries)
				world.ledger.entries.set(key, { ...entry, destinationRule })
			return world
		}

		it('takes its destination, and is completed', async () => {
			const world = await claimedBefore(ACCEPTED)
			world.listing = FOUND
			expect((await world.runAll()).states).toEqual(['accepted', 'completed'])
			expect([...world.destinations.taken.values()]).toMatchObject([{ instance: 'vpostgresql/KR/1' }])
		})

		it('is not completed by an object in a destination that another instance has taken', async () => {
			const world = await claimedBefore(ACCEPTED)
			await world.destinations.take(REQUEST, 'another', world.nowMs)
			world.listing = FOUND
			expect((await world.runAll()).states).toEqual(['accepted', 'unverified'])
			expect(world.published.at(-1)?.data).toMatchObject({
				error: { code: 'OBJECT_AMBIGUOUS', message: expect.stringContaining('other instances') },
				candidates: ['20210528', '20210528.bak'],
			})
		})

		it('is never sent to a destination that another instance has taken', async () => {
			const world = await claimedBefore(LOST)
			await world.destinations.take(REQUEST, 'another', world.nowMs)
			expect((await world.runAll()).states).toEqual(['unknown', 'missing'])
			expect(world.calls).toBe(1)
		})

		it('stays shared to its end when it was claimed while destinations could be shared', async () => {
			const world = await claimedBefore(ACCEPTED, 'shared')
			world.listing = FOUND
			expect((await world.runAll()).states).toEqual(['accepted', 'unverified'])
		})
	})

	it('is satisfied only by a key that names the instance while destinations may be shared', async () => {
		const world = await exported()
		const shared = { ...world.ports, destinations: createMemoryDestinations('shared') }
		const [first] = world.queue
		if (first === undefined) throw new Error('no check')
		world.nowMs = first.atMs
		world.listing = FOUND
		expect(await checkArrival(first.check, shared)).toMatchObject({ finding: { doubt: 'shared' } })
		world.listing = { kind: 'listed', objects: [{ ...OBJECT, key: 'x/1/20210528' }], isWhole: true }
		const [, second] = world.queue
		if (second === undefined) throw new Error('no check')
		expect(await checkArrival(second.check, shared)).toMatchObject({
			kind: 'outcome',
			entry: { state: 'completed' },
		})
	})

	it('does not send an export again while a candidate exists', async () => {
		const world = await exported(LOST)
		world.listing = { kind: 'listed', objects: [{ ...OBJECT, key: 'elsewhere/20210528' }], isWhole: true }
		expect((await world.runAll()).states).toEqual(['unknown', 'unverified'])
		expect(world.calls).toBe(1)
		expect(world.published.at(-1)?.data.error?.message).toContain(
			'ARRIVAL_KEY_PREFIX to elsewhere/{fileName}',
		)
	})

	it('ignores an object older than the call, however long the request waited', async () => {
		const world = new World()
		world.reply = LATER
		await expect(world.export()).rejects.toMatchObject({ code: 'NCP_LATER' })
		world.nowMs += 7 * 24 * 60 * MINUTE_MS
		world.reply = ACCEPTED
		await world.export()
		const listingOf = (lastModifiedMs: number): Listing => ({
			kind: 'listed',
			objects: [{ ...OBJECT, lastModified: new Date(lastModifiedMs).toISOString() }],
			isWhole: true,
		})
		// Younger than the request, and older than the call by more than the tolerance.
		world.listing = listingOf(world.nowMs - 6 * MINUTE_MS)
		expect(await world.runNext()).toMatchObject({ kind: 'waiting', finding: { kind: 'absent' } })
		world.listing = listingOf(world.nowMs)
		expect(await world.runNext()).toMatchObject({ kind: 'outcome' })
	})

	it('re-sends a check that may be lost only once, however often the previous check is delivered', async () => {
		const world = await exported()
		const [first] = world.queue
		await world.runNext()
		const sent = world.queue.length
		for (let n = 0; n < 5; n++) if (first) await checkArrival(first.check, world.ports)
		expect(world.queue).toHaveLength(sent + 1)
	})

	it('repeats a resend that was certainly not done', async () => {
		const world = await exported(LOST)
		world.reply = LATER
		while (world.calls < 3) await world.runNext()
		world.reply = ACCEPTED
		world.listing = ABSENT
		expect((await world.runAll()).states).toEqual(['unknown', 'accepted', 'missing'])
	})

	it('never re-sends an unknown export while the bucket cannot be read', async () => {
		const world = await exported(LOST)
		world.listing = UNREADABLE
		expect((await world.runAll()).states).toEqual(['unknown', 'unverified'])
		expect(world.calls).toBe(1)
	})

	it('is unaffected when every check is delivered twice, concurrently or in sequence', async () => {
		const world = await exported(LOST)
		world.reply = ACCEPTED
		while (world.queue.length > 0) {
			const next = world.queue.shift()
			if (next === undefined) break
			world.nowMs = Math.max(world.nowMs, next.atMs)
			const run = () => checkArrival(next.check, world.ports)
			await Promise.all([run(), run()])
			await run()
		}
		expect(world.calls).toBe(2)
		expect(new Set(world.published.map(({ id }) => id))).toEqual(
			new Set(['export-1/unknown', 'export-1/accepted', 'export-1/missing']),
		)
		const texts = new Map(world.published.map((event) => [event.id, JSON.stringify(event)]))
		for (const event of world.published) expect(JSON.stringify(event)).toBe(texts.get(event.id))
	})

	it('publishes on the next delivery what it could not publish', async () => {
		const world = await exported()
		world.listing = FOUND
		world.failPublishes = 1
		const [next] = world.queue
		await expect(world.runNext()).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
		if (next) world.queue.push(next)
		await world.runNext()
		expect(world.published.map(({ data }) => data.state)).toEqual(['accepted', 'completed'])
	})

	it('sends the next check when the function that counted it died before sending', async () => {
		const world = await exported()
		const [first] = world.queue
		await world.runNext()
		world.queue = first ? [first] : []
		await world.runNext()
		expect(world.published.map(({ id }) => id)).toEqual(['export-1/accepted', 'export-1/accepted'])
		expect(world.queue).toMatchObject([{ check: { check: 1 } }])
	})

	it.each([
		['an export that is not in the ledger', { exportKey: 'other' }],
		['an export whose key now belongs to another export', { exportId: 'other' }],
	])('fails a check for %s with EXPORT_GONE', async (_name, changes) => {
		const world = await exported()
		const check = {
			exportKey: [...world.ledger.entries.keys()][0] ?? '',
			exportId: 'export-1',
			check: 0,
			...changes,
		}
		await expect(checkArrival(check, world.ports)).rejects.toMatchObject({ code: 'EXPORT_GONE' })
		expect(world.endings.at(-1)).toMatchObject({ code: 'EXPORT_GONE' })
	})

	it('does not start a resend without enough time for the call', async () => {
		const world = await exported(LOST)
		world.nowMs += 60 * MINUTE_MS
		const [next] = world.queue.splice(0)
		if (next) await checkArrival(next.check, { ...world.ports, deadline: left(6_000) })
		expect(world.calls).toBe(1)
		await world.runNext()
		expect(world.calls).toBe(2)
	})

	it('throws INTERNAL, so that the check is delivered again, on an unexpected error', async () => {
		const world = await exported()
		const broken = { ...world.ports, listObjects: () => Promise.reject(new TypeError('x')) }
		const [next] = world.queue
		if (next === undefined) throw new Error('no check')
		await expect(checkArrival(next.check, broken)).rejects.toMatchObject({
			code: 'INTERNAL',
		})
		expect(world.endings).toMatchObject([{ code: 'INTERNAL' }])
	})
})

describe('exportBackup with arrival checks', () => {
	it('schedules the first check only after the outcome is published', async () => {
		const world = new World()
		world.failPublishes = 1
		await expect(world.export()).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
		expect(world.queue).toEqual([])
		await world.export()
		expect(world.queue).toMatchObject([
			{ check: { exportId: 'export-1', check: 0 }, atMs: world.nowMs + 30_000 },
		])
	})

	it('keeps the message when the check cannot be scheduled', async () => {
		const world = new World()
		world.schedule = () => Promise.reject(new Error('the queue is down'))
		await expect(world.export()).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
	})

	it('schedules an overdue check again when the same request comes again, and no other check', async () => {
		const world = await exported()
		await world.runNext()
		world.queue = []
		await world.export('m-2')
		expect(world.queue).toEqual([])
		world.nowMs += 6 * MINUTE_MS + 1
		await world.export('m-3')
		expect(world.queue).toMatchObject([{ check: { check: 1 } }])
		world.listing = FOUND
		await world.runAll()
		await world.export('m-4')
		expect(world.published.at(-1)?.data.state).toBe('completed')
		expect(world.queue).toEqual([])
	})
})
