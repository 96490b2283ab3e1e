import { describe, expect, it } from 'vitest'
import { createRepeatCheck } from '../../lib/arrival/repeat-check.ts'
import { awaitCheck } from '../../lib/ledger/ledger.ts'
import type { ArrivalCheck } from '../../lib/ports.ts'
import { writeOpen } from '../entries.ts'
import { createArrivalPorts, createMemoryLedger } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)

/** An export whose third check of the present state is due in 90 s. */
async function start() {
	const ledger = createMemoryLedger()
	const open = await writeOpen(ledger, 'accepted', NOW)
	const waiting = { ...awaitCheck(open, 7, NOW + 90_000, NOW), firstCheck: 5 }
	const entry = await ledger.replace(open, waiting, NOW)
	if (entry === null) throw new Error('nobody else writes')
	const done: unknown[] = []
	const repeat = createRepeatCheck(
		createArrivalPorts({
			ledger,
			now: () => NOW,
			publish: async ({ id }) => void done.push(id),
			schedule: async (check: ArrivalCheck, delaySeconds) => void done.push([check, delaySeconds]),
		}),
	)
	return { ledger, entry, done, repeat }
}

describe('createRepeatCheck', () => {
	it('publishes again, and asks for the next check at its time, marked as repeated', async () => {
		const { entry, done, repeat } = await start()
		await repeat(entry)
		const check = { exportKey: 'key', exportId: 'export-1', check: 7, isRepeated: true }
		expect(done).toEqual(['export-1/accepted', [check, 90]])
	})

	it('does so once for each check', async () => {
		const { ledger, entry, done, repeat } = await start()
		await repeat(entry)
		const stored = await ledger.read('key')
		expect(stored).toMatchObject({ repeatedCheck: 7, nextCheck: 7 })
		await repeat({ ...entry, ...stored, event: entry.event })
		expect(done).toHaveLength(2)
	})
})
