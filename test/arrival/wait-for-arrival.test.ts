import { describe, expect, it } from 'vitest'
import { createWaitForArrival } from '../../lib/arrival/wait-for-arrival.ts'
import { ExportError } from '../../lib/errors.ts'
import type { ArrivalPorts, Finding } from '../../lib/ports.ts'
import { writeOpen } from '../entries.ts'
import { createArrivalPorts, createMemoryLedger, DOWN, left, overtake } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)
const HOUR_MS = 60 * 60 * 1000
const ABSENT: Finding = { kind: 'absent' }

async function start(changes: Partial<ArrivalPorts> = {}) {
	const ledger = createMemoryLedger()
	const entry = await writeOpen(ledger, 'accepted', NOW)
	const scheduled: unknown[][] = []
	const ports = createArrivalPorts({
		ledger,
		now: () => NOW,
		schedule: async (...args) => void scheduled.push(args),
		...changes,
	})
	return { ledger, entry, scheduled, ports, stored: () => ledger.entries.get(entry.exportKey) }
}

describe('createWaitForArrival', () => {
	it('counts the next check, asks for it, and says what was found', async () => {
		const { entry, scheduled, ports, stored } = await start()
		const ending = await createWaitForArrival(0, ports)(entry, ABSENT, HOUR_MS)
		expect(scheduled).toEqual([[{ exportKey: 'key', exportId: 'export-1', check: 1 }, 60]])
		expect(stored()).toMatchObject({ state: 'accepted', nextCheck: 1, nextCheckAtMs: NOW + 60_000 })
		expect(ending).toEqual({ kind: 'waiting', entry: stored(), finding: ABSENT, delaySeconds: 60 })
	})

	it('looks for the last time when the deadline is', async () => {
		const { entry, scheduled, ports, stored } = await start()
		await createWaitForArrival(0, ports)(entry, ABSENT, 4_001)
		expect(scheduled).toMatchObject([[{ check: 1 }, 5]])
		expect(stored()).toMatchObject({ nextCheckAtMs: NOW + 5_000 })
	})

	it('writes what else has changed in the same write', async () => {
		const { entry, ports, stored } = await start()
		await createWaitForArrival(0, ports)(entry, ABSENT, HOUR_MS, (current) => ({ ...current, resends: 1 }))
		expect(stored()).toMatchObject({ nextCheck: 1, resends: 1 })
	})

	it('asks for nothing when another check has moved the export on', async () => {
		const { ledger, entry, scheduled, ports } = await start()
		const overtaken = { ...ports, ledger: overtake(ledger, () => ({ nextCheck: 1 })) }
		expect(await createWaitForArrival(0, overtaken)(entry, ABSENT, HOUR_MS)).toEqual({ kind: 'stale' })
		expect(scheduled).toEqual([])
	})

	it('has counted the check when it cannot be asked for, so that this one is delivered again', async () => {
		const { entry, ports, stored } = await start({
			schedule: () => Promise.reject(new ExportError('PUBLISH_FAILED', 'down')),
		})
		await expect(createWaitForArrival(0, ports)(entry, ABSENT, HOUR_MS)).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
		})
		expect(stored()).toMatchObject({ nextCheck: 1 })
	})

	it('asks for nothing that it could not count', async () => {
		const { entry, scheduled, ports } = await start({ ledger: DOWN, deadline: left(2_000) })
		await expect(createWaitForArrival(0, ports)(entry, ABSENT, HOUR_MS)).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
		expect(scheduled).toEqual([])
	})
})
