/** A backup file of a simulated instance. Times in milliseconds since the epoch. */
export interface SimulatedBackup {
	fileName: string
	startMs: number
	endMs: number
	/** It is listed without an end, and cannot be exported yet. */
	isRunning: boolean
}

/** A backup a day, from `firstMs` on; each is taken away `retentionDays` after it started. */
export interface Daily {
	firstMs: number
	/** How long a day lasts; 24 hours if left out. The backups are named as if it were so long. */
	dayMs?: number
	retentionDays: number
	minutesRunning: number
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const KOREA_MS = 9 * 60 * MINUTE_MS

/** The Korean date, as in `20261125`: the name of a backup that starts then. */
export function toBackupName(startMs: number): string {
	return new Date(startMs + KOREA_MS).toISOString().slice(0, 10).replaceAll('-', '')
}

/** The backups that an instance has at this moment, the oldest first. A file of `backups` has ended, and is never taken away. */
export function backupsAt(
	{ backups, daily }: { backups: ReadonlySet<string>; daily?: Daily },
	nowMs: number,
): SimulatedBackup[] {
	const lasting = [...backups].map((fileName): SimulatedBackup => {
		const endMs = toEnd(fileName, nowMs)
		return { fileName, startMs: endMs - 10 * MINUTE_MS, endMs, isRunning: false }
	})
	return [...lasting, ...(daily === undefined ? [] : dailyAt(daily, nowMs))]
}

function dailyAt(
	{ firstMs, dayMs = DAY_MS, retentionDays, minutesRunning }: Daily,
	nowMs: number,
): SimulatedBackup[] {
	const age = Math.floor((nowMs - firstMs) / dayMs)
	const oldest = Math.max(0, age - retentionDays + 1)
	return Array.from({ length: Math.max(0, age - oldest + 1) }, (_, index) => {
		const startMs = firstMs + (oldest + index) * dayMs
		const endMs = startMs + minutesRunning * MINUTE_MS
		const fileName = toBackupName(firstMs + (oldest + index) * DAY_MS)
		return { fileName, startMs, endMs, isRunning: endMs > nowMs }
	})
}

/** Ten past two in Korea on the day that the name says, or a fixed day long ago. */
function toEnd(fileName: string, nowMs: number): number {
	const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})/.exec(fileName) ?? []
	const named = Date.parse(`${year}-${month}-${day}T02:10:00+09:00`)
	return named < nowMs ? named : Math.min(Date.UTC(2021, 4, 27, 17, 10), nowMs - MINUTE_MS)
}
