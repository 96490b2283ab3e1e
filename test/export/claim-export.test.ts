import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { createClaimExport, idempotencyMismatch, inProgress } from '../../lib/export/claim-export.ts'
import { COVERED_MS, type Entry, release, settle } from '../../lib/ledger/ledger.ts'
import type { ExportPorts } from '../../lib/ports.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import {
	CONTESTED,
	createExportPorts,
	createMemoryDestinations,
	createMemoryLedger,
	DOWN,
	interceptWrites,
} from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)
const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }

const deliver = (fields: object = {}, isRedriven = false, coveragePolicy?: string) => {
	const input = { ...REQUEST, ...fields }
	const options = { regionCode: 'KR', isRedriven, coveragePolicy }
	const delivery = toDelivery(input, { kind: 'queue', id: 'm-1' }, options)
	if (delivery.kind === 'invalid') throw delivery.error
	return delivery
}

function createWorld(changes: Partial<ExportPorts> = {}) {
	const ledger = createMemoryLedger()
	const destinations = createMemoryDestinations()
	const ports = createExportPorts({ ledger, destinations, now: () => NOW, ...changes })
	const claim = (delivery = deliver(), through: Partial<ExportPorts> = {}) =>
		createClaimExport({ ...ports, ...through })(delivery)
	/** Claims, and puts the entry into the state that is to be found. */
	const leave = async (change: (entry: Entry) => Partial<Entry>): Promise<Entry> => {
		const { entry } = (await claim()) as { entry: Entry }
		const left = { ...entry, ...change(entry) }
		ledger.entries.set(entry.exportKey, left)
		return left
	}
	/** Gives the destination of the request to another instance. */
	const lose = async (): Promise<void> => {
		destinations.taken.clear()
		await destinations.take({ ...deliver().request, instanceNo: '2' }, 'another', NOW)
	}
	return { ledger, destinations, claim, leave, lose, stored: () => [...ledger.entries.values()] }
}

const exhausted = (entry: Entry): Partial<Entry> => {
	const { data, ...event } = acceptedEvent(entry.exportId)
	return settle(entry, { ...event, data: { ...data, state: 'exhausted' } }, NOW, 1)
}

describe('createClaimExport', () => {
	it('notes that a coverage check asked for the export, also for one that waits already', async () => {
		const { claim, leave, stored } = createWorld()
		await leave((entry) => release(entry))
		expect(stored()).toMatchObject([{ rememberMs: 0 }])
		await claim(deliver({}, false, 'nightly'))
		expect(stored()).toMatchObject([{ rememberMs: COVERED_MS }])
	})

	it('claims an export that is new, until a minute after the function has ended', async () => {
		const { claim, stored } = createWorld()
		const claimed = await claim()
		expect(claimed).toMatchObject({
			kind: 'ours',
			entry: { exportId: 'export-1', state: 'claimed', attempts: 1, leaseUntilMs: NOW + 25_000 + 60_000 },
		})
		expect(stored()).toEqual([claimed.kind === 'ours' && claimed.entry])
	})

	it('is in progress while another delivery holds the lease', async () => {
		const { claim } = createWorld()
		await claim()
		await expect(claim()).rejects.toMatchObject({
			code: 'IN_PROGRESS',
			retryable: true,
			retryAfterSeconds: 85,
		})
	})

	it('calls an export abandoned whose lease is over, and writes nothing', async () => {
		const { claim, stored } = createWorld()
		await claim()
		const [entry] = stored()
		const later = { now: () => NOW + 85_000 }
		expect(await claim(deliver(), later)).toEqual({ kind: 'abandoned', entry })
		expect(stored()).toEqual([entry])
	})

	it('claims an export that waits for its next attempt, under the same id', async () => {
		const { claim, leave } = createWorld()
		await leave(release)
		expect(await claim()).toMatchObject({ kind: 'ours', entry: { exportId: 'export-1', attempts: 2 } })
	})

	it('gives an export that is settled', async () => {
		const { claim, leave } = createWorld()
		const entry = await leave((claimed) => settle(claimed, acceptedEvent(claimed.exportId), NOW, 1))
		expect(await claim()).toEqual({ kind: 'settled', entry })
	})

	it('finds that an idempotency key stands for another export', async () => {
		const { claim, stored } = createWorld()
		await claim(deliver({ idempotencyKey: 'k' }))
		expect(await claim(deliver({ idempotencyKey: 'k', fileName: 'g' }))).toMatchObject({
			kind: 'conflict',
			error: { code: 'IDEMPOTENCY_MISMATCH' },
		})
		expect(stored()).toHaveLength(1)
	})

	describe('a request whose destination is another instance’s', () => {
		it('is a conflict that names the way out, and leaves nothing behind', async () => {
			const { claim, lose, stored } = createWorld()
			await lose()
			const conflict = await claim()
			expect(conflict).toMatchObject({
				kind: 'conflict',
				error: {
					code: 'DESTINATION_TAKEN',
					retryable: false,
					problems: [{ field: 'bucketName', detail: expect.stringContaining('folderPath') }],
				},
			})
			expect(conflict.kind === 'conflict' && conflict.error.message).toContain('vpostgresql/KR/2')
			expect(stored()).toEqual([])
		})

		it('is a conflict with an idempotency key, too', async () => {
			const { claim, lose, stored } = createWorld()
			await lose()
			expect(await claim(deliver({ idempotencyKey: 'k' }))).toMatchObject({ kind: 'conflict' })
			expect(stored()).toEqual([])
		})

		it('withdraws an export that waited for its next attempt', async () => {
			const { claim, leave, lose, stored } = createWorld()
			await leave(release)
			await lose()
			expect(await claim()).toMatchObject({ kind: 'conflict' })
			expect(stored()).toEqual([])
		})

		it('keeps the outcome of an exhausted export that would have started over', async () => {
			const { claim, leave, lose, stored } = createWorld()
			const entry = await leave(exhausted)
			await lose()
			expect(await claim(deliver({}, true))).toMatchObject({ kind: 'conflict' })
			expect(stored()).toMatchObject([{ state: 'exhausted', exportId: entry.exportId, event: entry.event }])
		})

		it('still gets the outcome of a settled export', async () => {
			const { claim, leave, lose } = createWorld()
			const entry = await leave((claimed) => settle(claimed, acceptedEvent(claimed.exportId), NOW, 1))
			await lose()
			expect(await claim()).toEqual({ kind: 'settled', entry })
		})

		const later = { now: () => NOW + 85_000 }

		it('withdraws the claim of a function that died: it cannot have called NCP', async () => {
			const { claim, lose, stored } = createWorld()
			await claim()
			await lose()
			expect(await claim(deliver(), later)).toMatchObject({ kind: 'conflict' })
			expect(stored()).toEqual([])
		})

		it.each([null, 'shared'] as const)(
			'settles the claim of a function that died under the rule %s',
			async (destinationRule) => {
				const { claim, leave, lose } = createWorld()
				const entry = await leave(() => ({ destinationRule }))
				await lose()
				expect(await claim(deliver(), later)).toEqual({ kind: 'abandoned', entry })
			},
		)

		it('is put off when the claim cannot be withdrawn', async () => {
			const { ledger, claim, lose } = createWorld()
			await lose()
			const through = { ledger: { ...ledger, remove: async () => false } }
			await expect(claim(deliver(), through)).rejects.toMatchObject({ code: 'IN_PROGRESS' })
		})
	})

	describe('a request that needs no destination', () => {
		it('leaves none behind when its idempotency key is another export’s', async () => {
			const { destinations, claim } = createWorld()
			await claim(deliver({ idempotencyKey: 'k' }))
			const taken = structuredClone([...destinations.taken])
			await claim(deliver({ idempotencyKey: 'k', fileName: 'g', cloudPostgresqlInstanceNo: '2' }))
			// The same place, by another region: what is known of it stays.
			await claim(deliver({ idempotencyKey: 'k', regionCode: 'SG' }))
			expect([...destinations.taken]).toEqual(taken)
		})

		it('leaves none behind when its export was refused before', async () => {
			const { destinations, claim, leave } = createWorld()
			await leave((claimed) => settle(claimed, acceptedEvent(claimed.exportId), NOW, 1))
			destinations.taken.clear()
			expect(await claim()).toMatchObject({ kind: 'settled' })
			expect(destinations.taken.size).toBe(0)
		})
	})

	it('releases the claim when the destination cannot be asked for', async () => {
		const { destinations, claim, stored } = createWorld()
		const take = () => Promise.reject(new ExportError('LEDGER_UNAVAILABLE', 'down'))
		const through = { destinations: { ...destinations, take } }
		await expect(claim(deliver(), through)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		expect(stored()).toMatchObject([{ state: 'waiting' }])
		expect(await claim()).toMatchObject({ kind: 'ours' })
	})

	it('claims an export whatever its destination when these may be shared', async () => {
		const { claim } = createWorld({ destinations: createMemoryDestinations('shared') })
		expect(await claim()).toMatchObject({ kind: 'ours', entry: { destinationRule: 'shared' } })
		expect(await claim(deliver({ cloudPostgresqlInstanceNo: '2' }))).toMatchObject({ kind: 'ours' })
	})

	it('publishes the outcome of an exhausted export, then starts it over for a redriven message', async () => {
		const published: string[] = []
		const publish: ExportPorts['publish'] = async ({ data }) => void published.push(data.state)
		const { claim, leave } = createWorld({ publish })
		const entry = await leave(exhausted)
		expect(await claim()).toEqual({ kind: 'settled', entry })
		expect(published).toEqual([])
		const claimed = await claim(deliver({}, true))
		expect(claimed).toMatchObject({ kind: 'ours', entry: { state: 'claimed', attempts: 1, event: null } })
		expect(claimed.kind === 'ours' && claimed.entry.exportId).not.toBe(entry.exportId)
		expect(published).toEqual(['exhausted'])
	})

	it('leaves an exhausted export as it is when that cannot be published', async () => {
		const publish = () => Promise.reject(new ExportError('PUBLISH_FAILED', 'down'))
		const { claim, leave, stored } = createWorld({ publish })
		const entry = await leave(exhausted)
		await expect(claim(deliver({}, true))).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
		expect(stored()).toEqual([entry])
	})

	it('releases a claim whose answer was lost, because NCP was not called', async () => {
		const { ledger, claim, stored } = createWorld()
		const lossy = interceptWrites(ledger, (phase, previous) => {
			if (phase === 'after' && previous === null)
				throw new ExportError('LEDGER_UNAVAILABLE', 'the answer is lost')
		})
		await expect(claim(deliver(), { ledger: lossy })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		expect(stored()).toMatchObject([{ state: 'waiting' }])
		expect(await claim()).toMatchObject({ kind: 'ours' })
	})

	it('never releases the claim of another delivery', async () => {
		const { ledger, claim, leave, stored } = createWorld()
		await leave(release)
		// The write is lost, and before the release another delivery claims the export and calls NCP.
		const failing = interceptWrites(ledger, (_phase, previous, next) => {
			if (next.state !== 'claimed' || previous === null) return
			ledger.entries.set(next.exportKey, { ...next, revision: 'another' })
			throw new ExportError('LEDGER_UNAVAILABLE', 'throttled')
		})
		await expect(claim(deliver(), { ledger: failing })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		expect(stored()).toMatchObject([{ state: 'claimed', revision: 'another' }])
		await expect(claim()).rejects.toMatchObject({ code: 'IN_PROGRESS' })
	})

	it('throws IN_PROGRESS when other writers keep winning', async () => {
		await expect(createWorld({ ledger: CONTESTED }).claim()).rejects.toMatchObject({
			code: 'IN_PROGRESS',
			message: 'other deliveries keep changing the same export',
		})
	})

	it('fails when the table does not answer', async () => {
		await expect(createWorld({ ledger: DOWN }).claim()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	})
})

describe('inProgress', () => {
	it.each([
		[84_001, 85],
		[1, 1],
		[0, 1],
	])('of a lease with %i ms left asks for another delivery after %i s', (leaseLeftMs, retryAfterSeconds) => {
		expect(inProgress(leaseLeftMs)).toMatchObject({
			code: 'IN_PROGRESS',
			message: `another delivery is at work on it, for ${retryAfterSeconds} s at most`,
			retryAfterSeconds,
		})
	})
})

describe('idempotencyMismatch', () => {
	it('names the key', () => {
		expect(idempotencyMismatch()).toMatchObject({
			code: 'IDEMPOTENCY_MISMATCH',
			retryable: false,
			problems: [
				{
					field: 'idempotencyKey',
					detail: 'was used before for another instance, file, bucket, folder or region',
				},
			],
		})
	})
})
