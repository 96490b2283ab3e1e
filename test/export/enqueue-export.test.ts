import { describe, expect, it } from 'vitest'
import type { RequestQueue } from '../../lib/aws/sqs.ts'
import { enqueueExport } from '../../lib/export/enqueue-export.ts'
import type { ExportPorts } from '../../lib/export/export-ports.ts'
import { type Entry, UNSETTLED_MS } from '../../lib/ledger/ledger.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import { createMemoryLedger } from '../fakes.ts'

const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }

function createWorld() {
	const sent: unknown[][] = []
	let ids = 0
	const ledger = createMemoryLedger()
	const ports = {
		apiUrl: 'https://ncp.example',
		ledger,
		deduplicationMs: 60_000,
		now: () => 1_000,
		createId: () => `id-${++ids}`,
	} as unknown as ExportPorts
	const queue = { send: async (...args: unknown[]) => void sent.push(args) } as unknown as RequestQueue
	const enqueue = (fields: object = {}, via = queue) =>
		enqueueExport(
			toDelivery(
				{ ...REQUEST, ...fields },
				{ kind: 'webhook', id: 'q' },
				{ regionCode: 'KR', traceparent: '00-trace' },
			),
			via,
			ports,
		)
	return { sent, ledger, ports, enqueue }
}

describe('enqueueExport', () => {
	it('gives the export its id, and the queue its request', async () => {
		const { sent, ledger, enqueue } = createWorld()
		expect(await enqueue()).toBe('id-1')
		expect(sent).toEqual([
			[
				JSON.stringify({ regionCode: 'KR', ...REQUEST }),
				expect.objectContaining({ traceparent: '00-trace' }),
			],
		])
		expect([...ledger.entries.values()]).toMatchObject([
			{ exportId: 'id-1', state: 'waiting', attempts: 0, event: null },
		])
	})

	it('keeps the id of an export that is known', async () => {
		const { sent, enqueue } = createWorld()
		expect(await enqueue()).toBe(await enqueue())
		expect(sent).toHaveLength(2)
	})

	it('keeps a settled export from expiring while its message is on the way', async () => {
		const { ledger, enqueue } = createWorld()
		await enqueue()
		const [entry] = [...ledger.entries.values()]
		const ended = { ...entry, state: 'refused', event: acceptedEvent('id-1'), expiresAtMs: 1_001 } as Entry
		ledger.entries.set(ended.exportKey, ended)
		expect(await enqueue()).toBe('id-1')
		// Nothing that another writer compares has changed.
		expect([...ledger.entries.values()]).toEqual([{ ...ended, expiresAtMs: 1_000 + UNSETTLED_MS }])
	})

	it('sends a file name in characters that SQS takes', async () => {
		const { sent, enqueue } = createWorld()
		await enqueue({ fileName: 'a\uFFFFb' })
		expect(sent[0]?.[0]).toContain('"a\\uffffb"')
	})

	it('refuses one idempotency key for two exports, and queues nothing', async () => {
		const { sent, enqueue } = createWorld()
		await enqueue({ idempotencyKey: 'k' })
		await expect(enqueue({ idempotencyKey: 'k', fileName: 'g' })).rejects.toMatchObject({
			code: 'IDEMPOTENCY_MISMATCH',
		})
		expect(sent).toHaveLength(1)
	})

	it('throws what is invalid', async () => {
		await expect(createWorld().enqueue({ bucketName: 'X' })).rejects.toMatchObject({
			code: 'REQUEST_INVALID',
		})
	})

	it('says that the queue did not take it', async () => {
		const full = { send: () => Promise.reject(new Error('down')) } as unknown as RequestQueue
		await expect(createWorld().enqueue({}, full)).rejects.toMatchObject({
			code: 'QUEUE_UNAVAILABLE',
			retryable: true,
		})
	})

	it('says so when the entry is gone again', async () => {
		const { ports, ledger, enqueue } = createWorld()
		Object.assign(ports, { ledger: { ...ledger, replace: async () => false, read: async () => null } })
		await expect(enqueue()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	})
})
