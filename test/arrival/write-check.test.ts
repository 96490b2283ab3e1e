import { describe, expect, it } from 'vitest'
import { readChecked, writeCheck } from '../../lib/arrival/write-check.ts'
import { awaitCheck, type Entry, type Ledger, type SettledEntry } from '../../lib/ledger/ledger.ts'
import { writeOpen } from '../entries.ts'
import { acceptedEvent } from '../events.ts'
import { createArrivalPorts, createMemoryLedger, DOWN, left, overtake } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)

const toNext = (current: SettledEntry) => awaitCheck(current, 1, NOW + 60_000, NOW)

/** Writes a check of an unknown export through a ledger that may be another. */
async function start(through: (ledger: ReturnType<typeof createMemoryLedger>) => Ledger = (same) => same) {
	const memory = createMemoryLedger()
	const entry = await writeOpen(memory, 'unknown', NOW)
	const write = () => writeCheck(entry, toNext, createArrivalPorts({ ledger: through(memory) }))
	return { memory, entry, write, stored: () => memory.entries.get(entry.exportKey) }
}

describe('writeCheck', () => {
	it('writes what the check decided', async () => {
		const { entry, write, stored } = await start()
		const written = await write()
		expect(written).toMatchObject({ exportId: 'export-1', nextCheck: 1, nextCheckAtMs: NOW + 60_000 })
		expect(stored()).toEqual(written)
		expect(written?.revision).not.toBe(entry.revision)
	})

	it.each([1, 4])('goes on after %i lost writes, from what the other writer wrote', async (times) => {
		const { write, stored } = await start((ledger) => overtake(ledger, () => ({ repeatedCheck: 0 }), times))
		const written = await write()
		expect(written).toMatchObject({ nextCheck: 1, repeatedCheck: 0 })
		expect(stored()).toEqual(written)
	})

	it.each<[string, Partial<Entry>]>([
		['its next check has another number', { nextCheck: 1 }],
		['its state is another', { state: 'accepted' }],
		['it was sent once more', { resends: 1 }],
		['it has ended', { event: acceptedEvent('export-1') }],
	])('writes nothing to an export that has moved: %s', async (_name, change) => {
		const { write, stored } = await start((ledger) => overtake(ledger, () => change))
		expect(await write()).toBeNull()
		expect(stored()).toMatchObject({ nextCheckAtMs: 0, revision: 'another-1', ...change })
	})

	it.each<[string, Partial<Entry> | 'gone']>([
		['is gone', 'gone'],
		['is another export', { exportId: 'export-2' }],
		['has no outcome', { event: null }],
	])('fails when the entry %s', async (_name, change) => {
		const { write } = await start((ledger) => overtake(ledger, () => change))
		await expect(write()).rejects.toMatchObject({ code: 'EXPORT_GONE', retryable: false })
	})

	it('gives up after five lost writes', async () => {
		let tries = 0
		const { write, stored } = await start((ledger) =>
			overtake(ledger, () => ({ repeatedCheck: tries++ }), Number.POSITIVE_INFINITY),
		)
		await expect(write()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
		expect(tries).toBe(5)
		expect(stored()).toMatchObject({ nextCheck: 0 })
	})

	it('fails when the table does not answer in time', async () => {
		const entry = await writeOpen(createMemoryLedger(), 'unknown', NOW)
		const ports = createArrivalPorts({ ledger: DOWN, deadline: left(2_000) })
		await expect(writeCheck(entry, toNext, ports)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	})
})

describe('readChecked', () => {
	it('gives the entry of the check’s export', async () => {
		const { memory, entry } = await start()
		expect(await readChecked(entry, memory)).toEqual(entry)
	})

	it('fails for an export that the table does not know', async () => {
		const { memory, entry } = await start()
		for (const check of [
			{ ...entry, exportKey: 'other' },
			{ ...entry, exportId: 'other' },
		])
			await expect(readChecked(check, memory)).rejects.toMatchObject({
				code: 'EXPORT_GONE',
				message: `the table no longer has an outcome of export ${check.exportId}`,
			})
	})

	it('fails when the table does not answer', async () => {
		const { entry } = await start()
		await expect(readChecked(entry, DOWN)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	})
})
