/** The cloud's clock is ahead of the browser's by what was let pass. */
let aheadMs = 0

export function setClock(cloudMs: number): void {
	aheadMs = cloudMs - Date.now()
}

export function cloudNow(): number {
	return Date.now() + aheadMs
}

export function toTime(ms: number): string {
	return new Date(ms).toLocaleTimeString([], { hour12: false })
}

/** "30 ms", "1.3 s", "42 s", "5 min", "2 h". */
export function toSpan(ms: number): string {
	const seconds = Math.max(0, ms) / 1000
	if (seconds < 1) return `${Math.floor(seconds * 1000)} ms`
	if (seconds < 10) return `${seconds.toFixed(1)} s`
	if (seconds < 100) return `${Math.floor(seconds)} s`
	return seconds < 6_000 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`
}

/** Whole seconds, for what changes every second. */
export function toAge(ms: number): string {
	return ms < 10_000 ? `${Math.floor(Math.max(0, ms) / 1000)} s` : toSpan(ms)
}
