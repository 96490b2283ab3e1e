import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { type Entry, type Ledger, release } from '../../lib/ledger/ledger.ts'
import { replaceInTime } from '../../lib/ledger/replace-in-time.ts'
import { CONTESTED, left } from '../fakes.ts'

/** A table that is throttled for the first `failures` attempts. */
function createTable(failures: number) {
	const waits: number[] = []
	let tries = 0
	const ledger: Ledger = {
		...CONTESTED,
		replace: async (_previous, next) => {
			if (tries++ < failures) throw new ExportError('LEDGER_UNAVAILABLE', 'throttled')
			return { ...next, revision: 'written' }
		},
	}
	const ports = {
		ledger,
		now: () => 0,
		sleep: async (ms: number) => void waits.push(ms),
		random: Math.random,
	}
	const replace = (leftMs: number) => {
		const entry = { exportKey: 'k', revision: 'r' } as Entry
		return replaceInTime(entry, release(entry), { ...ports, deadline: left(leftMs) })
	}
	return { waits, tries: () => tries, replace }
}

it('keeps retrying while the table is throttled for seconds', async () => {
	const { waits, replace } = createTable(6)
	expect(await replace(20_000)).toMatchObject({ state: 'waiting', revision: 'written' })
	const waitedMs = waits.reduce((sum, ms) => sum + ms, 0)
	expect(waitedMs).toBeGreaterThan(3_000)
	expect(waitedMs).toBeLessThan(6_500)
})

it('gives up without waiting when publishing would have no time left', async () => {
	const { waits, tries, replace } = createTable(99)
	await expect(replace(2_000)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	expect(tries()).toBe(1)
	expect(waits).toEqual([])
})

it('gives up after eight attempts', async () => {
	const { tries, replace } = createTable(99)
	await expect(replace(60_000)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	expect(tries()).toBe(8)
})
