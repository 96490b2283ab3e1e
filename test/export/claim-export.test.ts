import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { createClaimExport, idempotencyMismatch, inProgress } from '../../lib/export/claim-export.ts'
import { COVERED_MS, type Entry, release, settle } from '../../lib/ledger/ledger.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
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
	overtake,
} from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)
const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }

const deliver = (fields: object = {}, isRedriven = false, coveragePolicy?: string, id = 'm-1') => {
	const input = { ...REQUEST, ...fields }
	const options = { regionCode: 'KR', isRedriven, coveragePolicy }
	const delivery = toDelivery(input, { kind: 'queue', id }, options)
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

const openEvent = ({ exportId }: Entry, state: 'accepted' | 'unknown'): OutcomeEvent => {
	const { data, ...event } = acceptedEvent(exportId)
	return { ...event, data: { ...data, state, terminal: false } }
}

const endedEvent = ({ exportId }: Entry, state: OutcomeEvent['data']['state']): OutcomeEvent => {
	const { data, ...event } = acceptedEvent(exportId)
	return { ...event, data: { ...data, state, terminal: true } }
}

const exhausted = (entry: Entry): Partial<Entry> => {
	return settle(entry, endedEvent(entry, 'exhausted'), NOW, 1)
}

describe('createClaimExport', () => {
	describe('for a coverage check', () => {
		const covering = deliver({}, false, 'nightly')

		it('notes that the check ordered the export, also one that waits already', async () => {
			const { ledger, claim, leave, stored } = createWorld()
			await leave((entry) => release(entry))
			expect(stored()).toMatchObject([{ coverage: 'none' }])
			await claim(covering)
			const [ordered] = stored()
			expect(ordered).toMatchObject({ state: 'claimed', coverage: 'ordered' })
			// NCP was busy, and another message comes first.
			if (ordered) ledger.entries.set(ordered.exportKey, { ...ordered, ...release(ordered) })
			await claim()
			expect(stored()).toMatchObject([{ state: 'claimed', attempts: 3, coverage: 'ordered' }])
		})

		it.each(['accepted', 'unknown'] as const)(
			'notes that the check joined an export that is %s',
			async (state) => {
				const { claim, leave, stored } = createWorld()
				const entry = await leave((claimed) => settle(claimed, openEvent(claimed, state), NOW, 1))
				expect(await claim(covering)).toMatchObject({ kind: 'settled', entry: { coverage: 'joined', state } })
				expect(stored()).toMatchObject([{ coverage: 'joined', event: entry.event }])
				// Once is enough.
				const [before] = stored()
				await claim(covering)
				expect(stored()).toEqual([before])
			},
		)

		it('notes it of a new export', async () => {
			const { claim, stored } = createWorld()
			await claim(covering)
			expect(stored()).toMatchObject([{ state: 'claimed', coverage: 'ordered' }])
		})

		it('notes it of an export whose function died, too', async () => {
			const { claim, stored } = createWorld()
			await claim()
			const later = { now: () => NOW + 85_000 }
			expect(await claim(covering, later)).toMatchObject({ kind: 'abandoned', entry: { coverage: 'joined' } })
			expect(stored()).toMatchObject([{ state: 'claimed', coverage: 'joined', leaseUntilMs: NOW + 85_000 }])
		})

		it('remembers a completed export for 35 days from then on', async () => {
			const { claim, leave, stored } = createWorld()
			await leave((claimed) => ({
				...settle(claimed, endedEvent(claimed, 'completed'), NOW, 1),
				expiresAtMs: NOW + 1,
			}))
			await claim(covering)
			expect(stored()).toMatchObject([{ coverage: 'joined', expiresAtMs: NOW + COVERED_MS }])
		})

		it('writes nothing about an export that can never be completed', async () => {
			const { claim, leave, stored } = createWorld()
			const entry = await leave((claimed) => settle(claimed, endedEvent(claimed, 'missing'), NOW, 1))
			await claim(covering)
			expect(stored()).toEqual([entry])
		})

		it('sees what another delivery wrote meanwhile', async () => {
			const { ledger, claim, leave } = createWorld()
			await leave((claimed) => settle(claimed, openEvent(claimed, 'accepted'), NOW, 1))
			const through = {
				ledger: overtake(ledger, (entry) => settle(entry, endedEvent(entry, 'completed'), NOW, 1)),
			}
			expect(await claim(covering, through)).toMatchObject({
				kind: 'settled',
				entry: { state: 'completed', coverage: 'joined' },
			})
		})
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
		it('is a conflict that names the way out, and holds the claim until it is stored as rejected', async () => {
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
			expect(stored()).toEqual([conflict.kind === 'conflict' && conflict.entry])
			expect(stored()).toMatchObject([{ state: 'claimed' }])
		})

		it('is a conflict with an idempotency key, too, which may then be used for a corrected request', async () => {
			const { claim, lose, stored, ledger } = createWorld()
			await lose()
			const conflict = await claim(deliver({ idempotencyKey: 'k' }))
			expect(conflict).toMatchObject({ kind: 'conflict', error: { code: 'DESTINATION_TAKEN' } })
			const [entry] = stored()
			if (!entry) throw new Error('the claim is held')
			ledger.entries.set(entry.exportKey, {
				...entry,
				...settle(entry, endedEvent(entry, 'rejected'), NOW, 1),
			})
			const corrected = deliver({ idempotencyKey: 'k', folderPath: '1/' }, false, undefined, 'm-2')
			expect(await claim(corrected)).toMatchObject({ kind: 'ours', entry: { state: 'claimed' } })
		})

		it('is a conflict for an export that waited for its next attempt', async () => {
			const { claim, leave, lose } = createWorld()
			await leave(release)
			await lose()
			expect(await claim()).toMatchObject({ kind: 'conflict', entry: { state: 'claimed', attempts: 2 } })
		})

		it('is a conflict for an exhausted export that would have started over', async () => {
			const { claim, leave, lose } = createWorld()
			await leave(exhausted)
			await lose()
			expect(await claim(deliver({}, true))).toMatchObject({ kind: 'conflict', entry: { state: 'claimed' } })
		})

		it('still gets the outcome of a settled export', async () => {
			const { claim, leave, lose } = createWorld()
			const entry = await leave((claimed) => settle(claimed, acceptedEvent(claimed.exportId), NOW, 1))
			await lose()
			expect(await claim()).toEqual({ kind: 'settled', entry })
		})

		const later = { now: () => NOW + 85_000 }

		it('is a conflict with the claim of a function that died: it cannot have called NCP', async () => {
			const { claim, lose, stored } = createWorld()
			await claim()
			await lose()
			expect(await claim(deliver(), later)).toMatchObject({ kind: 'conflict', entry: stored()[0] })
		})

		it('settles the claim of a function that died, if the destination was given back in the meantime', async () => {
			const { destinations, claim, lose } = createWorld()
			const { entry } = (await claim()) as { entry: Entry }
			const kept = new Map(destinations.taken)
			await lose()
			let asked = 0
			const take: typeof destinations.take = async (...args) => {
				const taking = await destinations.take(...args)
				// The first answer is late: the function that died has had the destination since then.
				if (++asked === 1) for (const [key, value] of kept) destinations.taken.set(key, value)
				return taking
			}
			const through = { ...later, destinations: { ...destinations, take } }
			expect(await claim(deliver(), through)).toEqual({ kind: 'abandoned', entry })
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

	it('leaves the claim of a function that died as it is when the destination cannot be asked for', async () => {
		const { destinations, claim, stored } = createWorld()
		await claim()
		const [entry] = stored()
		const take = () => Promise.reject(new ExportError('LEDGER_UNAVAILABLE', 'down'))
		const through = { now: () => NOW + 85_000, destinations: { ...destinations, take } }
		await expect(claim(deliver(), through)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		expect(stored()).toEqual([entry])
	})

	it('asks for a free destination once', async () => {
		let asked = 0
		const { destinations, claim } = createWorld()
		const take: typeof destinations.take = (...args) => {
			asked++
			return destinations.take(...args)
		}
		await claim(deliver(), { destinations: { ...destinations, take } })
		expect(asked).toBe(1)
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
