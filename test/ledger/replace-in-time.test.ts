import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { replaceInTime } from '../../lib/export/settle-export.ts'
import { type Entry, type Ledger, release } from '../../lib/ledger/ledger.ts'

/** A table that is throttled for so many tries. */
function createTable(failures: number) {
	const waits: number[] = []
	let tries = 0
	const ledger: Ledger = {
		read: async () => null,
		expireAt: async () => false,
		replace: async () => {
			if (tries++ < failures) throw new ExportError('LEDGER_UNAVAILABLE', 'throttled')
			return true
		},
	}
	const ports = { ledger, now: () => 0, sleep: async (ms: number) => void waits.push(ms) }
	const replace = (remainingMs: () => number) => {
		const entry = { version: 1 } as Entry
		return replaceInTime(entry, release(entry), remainingMs, ports)
	}
	return { waits, tries: () => tries, replace }
}

it('outlasts a table that is throttled for seconds', async () => {
	const { waits, replace } = createTable(6)
	expect(await replace(() => 20_000)).toBe(true)
	const waitedMs = waits.reduce((sum, ms) => sum + ms, 0)
	expect(waitedMs).toBeGreaterThan(3_000)
	expect(waitedMs).toBeLessThan(6_500)
})

it('gives up when publishing would have no time left, and does not wait first', async () => {
	const { waits, tries, replace } = createTable(99)
	await expect(replace(() => 2_000)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	expect(tries()).toBe(1)
	expect(waits).toEqual([])
})

it('gives up after eight tries', async () => {
	const { tries, replace } = createTable(99)
	await expect(replace(() => 60_000)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	expect(tries()).toBe(8)
})
