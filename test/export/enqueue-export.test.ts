import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { enqueueExport } from '../../lib/export/enqueue-export.ts'
import { type Entry, UNSETTLED_MS } from '../../lib/ledger/ledger.ts'
import type { ExportPorts } from '../../lib/ports.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import {
	CONTESTED,
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	createQueue,
} from '../fakes.ts'

const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }

function createWorld(changes: Partial<ExportPorts> = {}) {
	const { queue, done: sent } = createQueue()
	const ledger = createMemoryLedger()
	const destinations = createMemoryDestinations()
	let ids = 0
	const ports = createExportPorts({
		ledger,
		destinations,
		deduplicationMs: 60_000,
		now: () => 1_000,
		createId: () => `id-${++ids}`,
		...changes,
	})
	const enqueue = (fields: object = {}, via: Pick<typeof queue, 'send'> = queue) => {
		const delivery = toDelivery(
			{ ...REQUEST, ...fields },
			{ kind: 'webhook', id: 'q' },
			{ regionCode: 'KR', traceparent: '00-trace' },
		)
		if (delivery.kind === 'invalid') throw delivery.error
		return enqueueExport(delivery, via, ports)
	}
	return { sent, ledger, destinations, enqueue }
}

describe('enqueueExport', () => {
	it('assigns the export id and queues the request', async () => {
		const { sent, ledger, enqueue } = createWorld()
		expect(await enqueue()).toBe('id-1')
		const [name, body, marks] = sent[0] ?? []
		expect([name, JSON.parse(String(body))]).toEqual(['send', { regionCode: 'KR', ...REQUEST }])
		expect(marks).toMatchObject({ traceparent: '00-trace' })
		expect(sent).toHaveLength(1)
		expect([...ledger.entries.values()]).toMatchObject([
			{ exportId: 'id-1', state: 'waiting', attempts: 0, event: null },
		])
	})

	it('keeps the id of a known export', async () => {
		const { sent, enqueue } = createWorld()
		expect(await enqueue()).toBe(await enqueue())
		expect(sent).toHaveLength(2)
	})

	it('keeps a settled export from expiring while its message is in the queue', async () => {
		const { ledger, enqueue } = createWorld()
		await enqueue()
		const [entry] = [...ledger.entries.values()]
		const ended = { ...entry, state: 'refused', event: acceptedEvent('id-1'), expiresAtMs: 1_001 } as Entry
		ledger.entries.set(ended.exportKey, ended)
		expect(await enqueue()).toBe('id-1')
		// The revision that other writers compare has not changed.
		expect([...ledger.entries.values()]).toEqual([{ ...ended, expiresAtMs: 1_000 + UNSETTLED_MS }])
	})

	it('sends a file name in characters that SQS accepts', async () => {
		const { sent, enqueue } = createWorld()
		await enqueue({ fileName: 'a\uFFFFb' })
		expect(sent[0]?.[1]).toContain('"a\\uffffb"')
	})

	it('rejects one idempotency key for two exports, and queues nothing', async () => {
		const { sent, enqueue } = createWorld()
		await enqueue({ idempotencyKey: 'k' })
		await expect(enqueue({ idempotencyKey: 'k', fileName: 'g' })).rejects.toMatchObject({
			code: 'IDEMPOTENCY_MISMATCH',
		})
		expect(sent).toHaveLength(1)
	})

	it('rejects a request whose destination is another instance’s, and queues nothing', async () => {
		const { sent, ledger, enqueue } = createWorld()
		await enqueue()
		const taken = enqueue({ cloudPostgresqlInstanceNo: '2' })
		await expect(taken).rejects.toMatchObject({ code: 'DESTINATION_TAKEN' })
		expect(sent).toHaveLength(1)
		expect(ledger.entries.size).toBe(1)
	})

	it('leaves no destination behind when the idempotency key is another export’s', async () => {
		const { destinations, enqueue } = createWorld()
		await enqueue({ idempotencyKey: 'k' })
		await expect(enqueue({ idempotencyKey: 'k', fileName: 'g' })).rejects.toMatchObject({
			code: 'IDEMPOTENCY_MISMATCH',
		})
		expect(destinations.taken.size).toBe(1)
	})

	describe('a request that was rejected before', () => {
		const rejectIn = (ledger: ReturnType<typeof createWorld>['ledger'], exportId: string) => {
			const [entry] = [...ledger.entries.values()]
			const rejected = { ...entry, state: 'rejected', event: acceptedEvent(exportId) } as Entry
			ledger.entries.set(rejected.exportKey, rejected)
		}

		it('is another export once the destination is free', async () => {
			const { sent, ledger, enqueue } = createWorld()
			await enqueue()
			rejectIn(ledger, 'id-1')
			expect(await enqueue()).toBe('id-3')
			expect([...ledger.entries.values()]).toMatchObject([
				{ exportId: 'id-3', state: 'waiting', event: null },
			])
			expect(sent).toHaveLength(2)
		})

		it('is rejected again while the destination is taken', async () => {
			const { sent, ledger, destinations, enqueue } = createWorld()
			await enqueue()
			rejectIn(ledger, 'id-1')
			const [taken] = destinations.taken
			if (taken === undefined) throw new Error('it was asked for')
			destinations.taken.set(taken[0], { ...taken[1], instance: 'vpostgresql/KR/2' })
			await expect(enqueue()).rejects.toMatchObject({ code: 'DESTINATION_TAKEN' })
			expect(sent).toHaveLength(1)
		})
	})

	it('keeps the destination when only the queue refuses its message', async () => {
		const { destinations, enqueue } = createWorld()
		await expect(enqueue({}, { send: () => Promise.reject(new Error('down')) })).rejects.toThrow('down')
		expect(destinations.taken.size).toBe(1)
	})

	it('writes nothing more about an export that is kept for long enough', async () => {
		const { ledger, enqueue } = createWorld()
		await enqueue()
		const [entry] = [...ledger.entries.values()]
		const event = acceptedEvent('id-1')
		const ended = { ...entry, state: 'refused', event, expiresAtMs: 1_000 + UNSETTLED_MS } as Entry
		ledger.entries.set(ended.exportKey, ended)
		ledger.expireAt = () => Promise.reject(new Error('there is nothing to change'))
		expect(await enqueue()).toBe('id-1')
	})

	it('keeps the expiry of an export that has not ended', async () => {
		const { ledger, enqueue } = createWorld()
		await enqueue()
		ledger.expireAt = () => Promise.reject(new Error('there is nothing to change'))
		const [entry] = [...ledger.entries.values()]
		ledger.entries.set(entry?.exportKey ?? '', { ...entry, expiresAtMs: 1_001 } as Entry)
		expect(await enqueue()).toBe('id-1')
	})

	it('queues a known export whose destination is another instance’s by now', async () => {
		const { sent, destinations, enqueue } = createWorld()
		await enqueue()
		destinations.taken.clear()
		const another = toDelivery({ ...REQUEST, cloudPostgresqlInstanceNo: '2' }, { kind: 'queue', id: 'm' }, {})
		if (another.kind === 'invalid') throw another.error
		await destinations.take(another.request, 'another', 1_000)
		expect(await enqueue()).toBe('id-1')
		expect(sent).toHaveLength(2)
	})

	it('restores the expiry of a settled export when the queue refuses its message', async () => {
		const { ledger, enqueue } = createWorld()
		await enqueue()
		const [entry] = [...ledger.entries.values()]
		const ended = { ...entry, state: 'refused', event: acceptedEvent('id-1'), expiresAtMs: 1_001 } as Entry
		ledger.entries.set(ended.exportKey, ended)
		await expect(enqueue({}, { send: () => Promise.reject(new Error('down')) })).rejects.toThrow()
		expect([...ledger.entries.values()]).toEqual([ended])
	})

	it('throws the queue’s own QUEUE_UNAVAILABLE when it does not accept the request', async () => {
		const refusal = new ExportError('QUEUE_UNAVAILABLE', 'the queue cannot be used: AccessDenied')
		const full = { send: () => Promise.reject(refusal) }
		await expect(createWorld().enqueue({}, full)).rejects.toBe(refusal)
	})

	it('throws LEDGER_UNAVAILABLE when other writers always win', async () => {
		await expect(createWorld({ ledger: CONTESTED }).enqueue()).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
	})
})
