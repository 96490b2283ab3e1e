import { describe, expect, it } from 'vitest'
import { backupsAt, toBackupName } from '../../tools/local/ncp-backups.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Two in the morning in Korea, on 25 November. */
const FIRST = Date.UTC(2026, 10, 24, 17)

const daily = { firstMs: FIRST, retentionDays: 3, minutesRunning: 60 }
const namesAt = (nowMs: number) =>
	backupsAt({ backups: new Set(), daily }, nowMs).map(({ fileName, isRunning }) =>
		isRunning ? `${fileName} running` : fileName,
	)

describe('backupsAt', () => {
	it('lets backups appear, end and go as days pass', () => {
		expect(namesAt(FIRST - 1)).toEqual([])
		expect(namesAt(FIRST)).toEqual(['20261125 running'])
		expect(namesAt(FIRST + HOUR_MS)).toEqual(['20261125'])
		expect(namesAt(FIRST + 2 * DAY_MS)).toEqual(['20261125', '20261126', '20261127 running'])
		expect(namesAt(FIRST + 3 * DAY_MS - 1)).toEqual(['20261125', '20261126', '20261127'])
		expect(namesAt(FIRST + 3 * DAY_MS)).toEqual(['20261126', '20261127', '20261128 running'])
		expect(namesAt(FIRST + 40 * DAY_MS + HOUR_MS)).toEqual(['20270102', '20270103', '20270104'])
	})

	it('lets days pass faster, and names the backups as if they had not', () => {
		const fast = { firstMs: FIRST, dayMs: 60_000, retentionDays: 2, minutesRunning: 1 / 4 }
		const rowsAt = (nowMs: number) =>
			backupsAt({ backups: new Set(), daily: fast }, nowMs).map(({ fileName, endMs, isRunning }) => [
				fileName,
				endMs - FIRST,
				isRunning,
			])
		expect(rowsAt(FIRST + 15_000)).toEqual([['20261125', 15_000, false]])
		expect(rowsAt(FIRST + 134_999)).toEqual([
			['20261126', 75_000, false],
			['20261127', 135_000, true],
		])
	})

	it('gives each file of the set an end before now, the same at any time', () => {
		const backups = new Set(['20210528', '20991231', 'manual'])
		const ends = [FIRST, FIRST + DAY_MS].map((nowMs) =>
			backupsAt({ backups }, nowMs).map(({ fileName, endMs, isRunning }) => [fileName, endMs, isRunning]),
		)
		const longAgo = Date.UTC(2021, 4, 27, 17, 10)
		expect(ends[0]).toEqual([...backups].map((fileName) => [fileName, longAgo, false]))
		expect(ends[1]).toEqual(ends[0])
	})
})

it('names a backup by its Korean date', () => {
	expect(toBackupName(FIRST)).toBe('20261125')
	expect(toBackupName(FIRST - 3 * HOUR_MS)).toBe('20261124')
})
