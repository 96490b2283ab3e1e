import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ExportPorts, Progress } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { type Delivery, toDelivery } from '../../lib/request/delivery.ts'
import {
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	interceptWrites,
	left,
	overtake,
	replyWith as reply,
} from '../fakes.ts'

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const HOUR_MS = 60 * 60 * 1000
const ACCEPTED = reply(200, { r: { requestId: 'r-1', returnCode: '0', returnMessage: 'success' } })

/** Ports that record what they receive. */
function createPorts(answer: Reply, publish: ExportPorts['publish'] = async () => undefined) {
	const published: OutcomeEvent[] = []
	const observed: (OutcomeEvent | ExportError)[] = []
	const ledger = createMemoryLedger()
	const callTimeouts: number[] = []
	const ports = createExportPorts({
		ledger,
		callNcp: async (_request, timeoutMs) => {
			callTimeouts.push(timeoutMs)
			return answer
		},
		publish: async (event) => {
			await publish(event)
			published.push(event)
		},
		observe: (_delivery, ending) => observed.push(ending),
	})
	return { ports, published, observed, callTimeouts, ledger }
}

/** The event with which a delivery ends. */
const run = async (delivery: Delivery, ports: ExportPorts): Promise<OutcomeEvent> =>
	(await exportBackup(delivery, ports)).event

const deliver = (input: unknown) => toDelivery(input, { kind: 'queue', id: 'm-1' }, { regionCode: 'KR' })

describe('exportBackup', () => {
	it.each([
		['accepted', ACCEPTED],
		['refused', reply(400, { responseError: { returnCode: '5001017', returnMessage: 'none' } })],
		['unknown', toLostReply(true, 'ECONNRESET')],
	])('publishes and returns the outcome: %s', async (state, answer) => {
		const { ports, published, observed } = createPorts(answer)
		const event = await run(deliver(REQUEST), ports)
		expect(event).toMatchObject({ id: `export-1/${state}`, data: { state } })
		expect(published).toEqual([event])
		expect(observed).toEqual([event])
	})

	it.each([
		[
			'NCP_LATER',
			reply(429, { error: { errorCode: '410', message: 'Throttle' } }, { 'retry-after': '9' }),
			9,
		],
		['NCP_LATER', toLostReply(false, 'ECONNREFUSED'), null],
		['NCP_CREDENTIALS', reply(401, { error: { errorCode: '200', message: 'Failed' } }), null],
	])('publishes nothing and throws a retryable error: %s', async (code, answer, retryAfterSeconds) => {
		const { ports, published, observed } = createPorts(answer)
		await expect(run(deliver(REQUEST), ports)).rejects.toMatchObject({
			code,
			retryable: true,
			retryAfterSeconds,
		})
		expect(published).toEqual([])
		expect(observed).toMatchObject([{ code }])
	})

	it.each([
		['refused', reply(400, { responseError: { returnCode: '5001017' } }), {}, 0],
		['exhausted', reply(429, { error: { errorCode: '410' } }), { isLast: true }, 0],
		['accepted', ACCEPTED, {}, 1],
		['unknown', toLostReply(true, 'ECONNRESET'), {}, 1],
	] as const)(
		'gives its destination back when it ends %s, if nothing can arrive there',
		async (state, answer, options, kept) => {
			const destinations = createMemoryDestinations()
			const ports = createExportPorts({ callNcp: async () => answer, destinations })
			const event = await run(toDelivery(REQUEST, { kind: 'queue', id: 'm-1' }, options), ports)
			expect(event.data.state).toBe(state)
			expect(destinations.taken.size).toBe(kept)
		},
	)

	it('ends the same when its destination cannot be given back', async () => {
		const destinations = {
			...createMemoryDestinations(),
			giveBack: () => Promise.reject(new ExportError('LEDGER_UNAVAILABLE', 'down')),
		}
		const answer = reply(400, { responseError: { returnCode: '5001017' } })
		const event = await run(
			deliver(REQUEST),
			createExportPorts({ callNcp: async () => answer, destinations }),
		)
		expect(event.data.state).toBe('refused')
	})

	it('times each step by name, and notes export and attempt', async () => {
		let progress: Progress | undefined
		let nowMs = 0
		const ports = createExportPorts({
			callNcp: async () => ACCEPTED,
			now: () => ++nowMs,
			arrival: { schedule: async () => undefined, deadlineMs: HOUR_MS },
			observe: (_delivery, _ending, seen) => {
				progress = seen
			},
		})
		await run(deliver(REQUEST), ports)
		expect(Object.keys(progress?.stepMs ?? {})).toEqual(['claim', 'call', 'settle', 'publish', 'schedule'])
		expect(progress).toMatchObject({ exportId: 'export-1', attempts: 1, reply: { kind: 'accepted' } })
	})

	it.each([
		['SCHEDULE_FAILED', new ExportError('SCHEDULE_FAILED', 'no check'), 'no check'],
		['PUBLISH_FAILED', new Error('odd'), ''],
	])('is unpublished with %s when its check cannot be asked for', async (code, cause, message) => {
		const ports = createExportPorts({
			callNcp: async () => ACCEPTED,
			arrival: { schedule: () => Promise.reject(cause), deadlineMs: HOUR_MS },
		})
		const ending = await exportBackup(deliver(REQUEST), ports)
		expect(ending).toMatchObject({
			kind: 'unpublished',
			event: { data: { state: 'accepted' } },
			error: { code, message: expect.stringContaining(message), cause: expect.anything() },
		})
	})

	it('says of an abandoned export that the function died, and does not call NCP', async () => {
		const { ports, ledger, callTimeouts } = createPorts(ACCEPTED)
		await expect(
			run(deliver(REQUEST), { ...ports, callNcp: () => Promise.reject(new Error('killed')) }),
		).rejects.toThrow()
		const [entry] = ledger.entries.values()
		const nowMs = (entry?.leaseUntilMs ?? 0) + 1
		const event = await run(deliver(REQUEST), { ...ports, now: () => nowMs })
		expect(event.data).toMatchObject({
			state: 'unknown',
			reply: null,
			error: {
				code: 'NCP_UNKNOWN',
				message: 'it may or may not have been done: the function that made an earlier attempt died',
			},
		})
		expect(callTimeouts).toEqual([])
	})

	it('stores why a call that was not done is put off', async () => {
		const { ports, ledger } = createPorts(reply(429, { error: { errorCode: '410', message: 'Throttle' } }))
		await expect(run(deliver(REQUEST), ports)).rejects.toThrow()
		expect([...ledger.entries.values()]).toMatchObject([
			{ waitsFor: expect.stringMatching(/^NCP_LATER: .*Throttle/) },
		])
	})

	it('publishes a rejected request without calling NCP', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await run(deliver('{"fileName":'), ports)
		expect(published).toMatchObject([
			{ id: 'm-1/rejected', data: { original: '{"fileName":', error: { code: 'REQUEST_UNREADABLE' } } },
		])
		expect(callTimeouts).toEqual([])
	})

	it('throws before any side effect when too little time is left', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await expect(run(deliver(REQUEST), { ...ports, deadline: left(4_999) })).rejects.toMatchObject({
			code: 'DEADLINE_NEAR',
			message: 'too little time was left; nothing was sent',
		})
		expect([...published, ...callTimeouts]).toEqual([])
	})

	it('keeps time in reserve for publishing', async () => {
		const { ports, callTimeouts } = createPorts(ACCEPTED)
		await run(deliver(REQUEST), { ...ports, deadline: left(10_000) })
		expect(callTimeouts).toEqual([6_000])
	})

	it('reports that publishing failed', async () => {
		const { ports, observed } = createPorts(ACCEPTED, async () => {
			throw new ExportError('PUBLISH_FAILED', 'no')
		})
		expect(await exportBackup(deliver(REQUEST), ports)).toMatchObject({
			kind: 'unpublished',
			event: { id: 'export-1/accepted' },
			error: { code: 'PUBLISH_FAILED', retryable: true },
		})
		expect(observed).toMatchObject([{ code: 'PUBLISH_FAILED' }])
		// A rejected request has no stored outcome, so it must be delivered again.
		await expect(exportBackup(deliver('x'), ports)).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
	})

	it.each([new TypeError('with a body'), 'a text'])(
		'turns an unexpected error into INTERNAL',
		async (thrown) => {
			const { ports, observed } = createPorts(ACCEPTED)
			const broken = { ...ports, callNcp: () => Promise.reject(thrown) }
			await expect(run(deliver(REQUEST), broken)).rejects.toMatchObject({
				code: 'INTERNAL',
				cause: thrown,
			})
			expect(observed).toMatchObject([{ message: expect.not.stringContaining('body') }])
		},
	)
})

describe('exportBackup, delivered again', () => {
	const deliverAs = (id: string, input: object = REQUEST, options = {}) =>
		toDelivery(input, { kind: 'queue', id }, { regionCode: 'KR', ...options })
	const LATER = reply(429, { error: { errorCode: '410', message: 'Throttle' } })

	it('publishes the same event, byte for byte, and calls NCP once', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await run(deliverAs('m-1'), ports)
		await run(deliverAs('m-2'), { ...ports, now: () => Date.UTC(2026, 10, 23, 0, 59) })
		expect(published[1]).toEqual(published[0])
		expect(callTimeouts).toHaveLength(1)
	})

	it('starts a new export once the deduplication period is over', async () => {
		const { ports, published } = createPorts(ACCEPTED)
		await run(deliverAs('m-1'), ports)
		await run(deliverAs('m-2'), { ...ports, now: () => Date.UTC(2026, 10, 23) + HOUR_MS })
		expect(published[1]?.data.exportId).not.toBe(published[0]?.data.exportId)
	})

	it('publishes after a failed publish, without calling NCP again', async () => {
		let failures = 3
		const { ports, published, callTimeouts } = createPorts(ACCEPTED, async () => {
			if (failures-- > 0) throw new ExportError('PUBLISH_FAILED', 'no')
		})
		const seen: string[] = []
		while (published.length === 0) seen.push((await run(deliverAs('m-1'), ports)).id)
		expect(seen).toHaveLength(4)
		expect(new Set([...seen, published[0]?.id]).size).toBe(1)
		expect(callTimeouts).toHaveLength(1)
	})

	it('keeps its exportId through all attempts, and counts them', async () => {
		const { ports, ledger } = createPorts(LATER)
		await expect(run(deliverAs('m-1'), ports)).rejects.toMatchObject({
			code: 'NCP_LATER',
			replyCode: 'gateway/410',
		})
		const [first] = [...ledger.entries.values()]
		const event = await run(deliverAs('m-1'), { ...ports, callNcp: async () => ACCEPTED })
		expect(event.data).toMatchObject({ exportId: first?.exportId, attempts: 2, state: 'accepted' })
	})

	it('waits while another delivery holds the lease', async () => {
		const { ports, callTimeouts } = createPorts(ACCEPTED)
		const inner: unknown[] = []
		const nested = {
			...ports,
			callNcp: async () => {
				await run(deliverAs('m-2'), ports).catch((error) => inner.push(error.code))
				return ACCEPTED
			},
		}
		await run(deliverAs('m-1'), nested)
		expect(inner).toEqual(['IN_PROGRESS'])
		expect(callTimeouts).toEqual([])
	})

	it('becomes unknown, and is not called again, when the function that claimed it died', async () => {
		const { ports, ledger, published, callTimeouts } = createPorts(ACCEPTED)
		const dying = { ...ports, callNcp: () => Promise.reject(new Error('killed')) }
		await expect(run(deliverAs('m-1'), dying)).rejects.toMatchObject({ code: 'INTERNAL' })
		const later = { ...ports, now: () => Date.UTC(2026, 10, 23) + 25_000 + 60_000 }
		await run(deliverAs('m-1'), later)
		expect(published).toMatchObject([{ data: { state: 'unknown', reply: null, attempts: 1 } }])
		expect([...ledger.entries.values()]).toMatchObject([{ state: 'unknown' }])
		expect(callTimeouts).toEqual([])
	})

	it('publishes what another delivery settled after its lease expired', async () => {
		const { ports, published } = createPorts(ACCEPTED)
		const slow = {
			...ports,
			callNcp: async () => {
				await run(deliverAs('m-2'), { ...ports, now: () => Date.UTC(2026, 10, 23) + 90_000 })
				return ACCEPTED
			},
		}
		const event = await run(deliverAs('m-1'), slow)
		expect(event.data.state).toBe('unknown')
		expect(published[1]).toEqual(published[0])
	})

	it('rejects one idempotency key for two different exports', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await run(deliverAs('m-1', { ...REQUEST, idempotencyKey: 'k' }), ports)
		await run(deliverAs('m-2', { ...REQUEST, idempotencyKey: 'k', fileName: 'other' }), ports)
		expect(published[1]).toMatchObject({
			id: 'm-2/rejected',
			data: { error: { code: 'IDEMPOTENCY_MISMATCH', problems: [{ field: 'idempotencyKey' }] } },
		})
		expect(callTimeouts).toHaveLength(1)
	})

	describe('rejected because its place in the bucket is another instance’s', () => {
		/** A world in which the place is taken, and a way to give it back. */
		const takePlace = async (publish?: ExportPorts['publish']) => {
			const world = createPorts(ACCEPTED, publish)
			const { destinations } = world.ports
			const valid = deliverAs('other', { ...REQUEST, cloudPostgresqlInstanceNo: '2' })
			if (valid.kind === 'invalid') throw valid.error
			await destinations.take(valid.request, 'other', 0)
			return { ...world, free: () => destinations.giveBack(valid.request, 'other', 0) }
		}

		it('is rejected again with the same event, although the place is free by then', async () => {
			const { ports, published, callTimeouts, free } = await takePlace()
			await run(deliverAs('m-1'), ports)
			await free()
			const exportIds: unknown[] = []
			const observe: ExportPorts['observe'] = (_delivery, _ending, { exportId }) => exportIds.push(exportId)
			const later = { ...ports, observe, now: () => Date.UTC(2026, 10, 23, 0, 30) }
			expect(await exportBackup(deliverAs('m-1'), later)).toMatchObject({
				kind: 'rejected',
				event: { id: 'm-1/rejected' },
				error: { code: 'DESTINATION_TAKEN', problems: [{ field: 'bucketName' }] },
			})
			expect(published[1]).toEqual(published[0])
			expect(callTimeouts).toEqual([])
			// Its log line names no export, since there is none.
			expect(exportIds).toEqual([null])
		})

		it('does not call NCP for another delivery of the same message while it is being rejected', async () => {
			const inner: unknown[] = []
			const world = await takePlace(async ({ id }) => {
				if (inner.push(id) > 1) return
				await world.free()
				const ending = await exportBackup(deliverAs('m-1'), world.ports)
				inner.push(ending.event.id)
			})
			await run(deliverAs('m-1'), world.ports)
			expect(inner).toEqual(['m-1/rejected', 'm-1/rejected', 'm-1/rejected'])
			expect(world.callTimeouts).toEqual([])
		})

		it('is exported for another message once the place is free, after the rejection is published', async () => {
			let isDown = true
			const { ports, published, ledger, free } = await takePlace(async () => {
				if (isDown) throw new ExportError('PUBLISH_FAILED', 'down')
			})
			expect(await exportBackup(deliverAs('m-1'), ports)).toMatchObject({ kind: 'unpublished' })
			isDown = false
			await free()
			await run(deliverAs('m-2', { ...REQUEST, responseFormatType: 'json' }), ports)
			expect(published.map(({ id }) => id)).toEqual(['m-1/rejected', 'export-3/accepted'])
			expect([...ledger.entries.values()]).toMatchObject([{ exportId: 'export-3', state: 'accepted' }])
		})

		it('is forgotten when the deduplication period is over', async () => {
			const { ports, published, free } = await takePlace()
			await run(deliverAs('m-1'), ports)
			await free()
			await run(deliverAs('m-1'), { ...ports, now: () => Date.UTC(2026, 10, 23) + HOUR_MS })
			expect(published.map(({ id }) => id)).toEqual(['m-1/rejected', 'export-2/accepted'])
		})

		it('is put off when another delivery changes its entry meanwhile', async () => {
			const { ports, ledger, published } = await takePlace()
			const overtaken = overtake(ledger, () => ({ state: 'waiting' }))
			await expect(run(deliverAs('m-1'), { ...ports, ledger: overtaken })).rejects.toMatchObject({
				code: 'IN_PROGRESS',
				mayBeDone: false,
			})
			expect(published).toEqual([])
		})
	})

	it('becomes exhausted when the last delivery does not settle it', async () => {
		const { ports, published } = createPorts(LATER)
		await expect(run(deliverAs('m-1'), ports)).rejects.toThrow()
		const event = await run(deliverAs('m-1', REQUEST, { isLast: true }), ports)
		expect(event.data).toMatchObject({
			state: 'exhausted',
			terminal: true,
			attempts: 2,
			error: { code: 'NCP_LATER', ncpCode: '410' },
		})
		expect(published).toEqual([event])
	})

	it('does not become exhausted when only time ran out, even on the last delivery', async () => {
		const { ports, ledger } = createPorts(ACCEPTED)
		const last = run(deliverAs('m-1', REQUEST, { isLast: true }), { ...ports, deadline: left(100) })
		await expect(last).rejects.toMatchObject({ code: 'DEADLINE_NEAR' })
		expect(ledger.entries.size).toBe(0)
	})

	it('publishes its own outcome when the answer to settling was lost', async () => {
		const { ports, published } = createPorts(ACCEPTED)
		let isLost = true
		const lossy = interceptWrites(ports.ledger, (phase, previous) => {
			if (phase === 'before' || previous === null || !isLost) return
			isLost = false
			throw new ExportError('LEDGER_UNAVAILABLE', 'the answer is lost')
		})
		await run(deliverAs('m-1'), { ...ports, ledger: lossy })
		expect(published).toMatchObject([{ data: { state: 'accepted' } }])
	})

	it('keeps an unsettled export for as long as a queue can hold its message', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		const dying = { ...ports, callNcp: () => Promise.reject(new Error('killed')) }
		await expect(run(deliverAs('m-1'), dying)).rejects.toThrow()
		await run(deliverAs('m-1', REQUEST, { isRedriven: true }), {
			...ports,
			now: () => Date.UTC(2026, 10, 23) + 17 * 24 * HOUR_MS,
			sleep: async () => undefined,
		})
		expect(published).toMatchObject([{ data: { state: 'unknown' } }])
		expect(callTimeouts).toEqual([])
	})

	it('publishes an unpublished exhausted outcome before a redriven message starts over', async () => {
		let isDown = true
		const { ports, published } = createPorts(LATER, async () => {
			if (isDown) throw new ExportError('PUBLISH_FAILED', 'down')
		})
		expect(await exportBackup(deliverAs('m-1', REQUEST, { isLast: true }), ports)).toMatchObject({
			kind: 'unpublished',
		})
		isDown = false
		await run(deliverAs('m-1', REQUEST, { isRedriven: true }), {
			...ports,
			callNcp: async () => ACCEPTED,
		})
		expect(published.map(({ data: { state } }) => state)).toEqual(['exhausted', 'accepted'])
	})

	it('starts over when an exhausted message comes back from the dead-letter queue', async () => {
		const { ports, published } = createPorts(LATER)
		const willing = { ...ports, callNcp: async () => ACCEPTED }
		await run(deliverAs('m-1', REQUEST, { isLast: true }), ports)
		await run(deliverAs('m-1', REQUEST, { isRedriven: true }), willing)
		await run(deliverAs('m-2'), ports)
		expect(published.map(({ data: { state } }) => state)).toEqual([
			'exhausted',
			'exhausted',
			'accepted',
			'accepted',
		])
		expect(published[1]).toEqual(published[0])
		expect(published[2]?.data.exportId).not.toBe(published[0]?.data.exportId)
	})

	it('releases the claim when time runs out between claim and call', async () => {
		const { ports, callTimeouts } = createPorts(ACCEPTED)
		const times = [25_000, 25_000, 100]
		const shrinking = { leftMs: () => times.shift() ?? 100 }
		await expect(run(deliverAs('m-1'), { ...ports, deadline: shrinking })).rejects.toMatchObject({
			code: 'DEADLINE_NEAR',
		})
		await run(deliverAs('m-1'), ports)
		expect(callTimeouts).toHaveLength(1)
	})

	it('publishes the same event for a rejected message on every delivery', async () => {
		const { ports, published } = createPorts(ACCEPTED)
		const bad = deliverAs('m-1', {}, { sentAtMs: 5 })
		await run(bad, ports)
		await run(bad, { ...ports, now: () => 99 })
		expect(published[1]).toEqual(published[0])
	})
})
