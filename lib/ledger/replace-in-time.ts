import type { Deadline } from '../deadline.ts'
import { type Draft, type Entry, expiryOncePublished, type Ledger, type SettledEntry } from './ledger.ts'

/** Time for one write and the publish. With less left, a write is not tried again. */
const MIN_WRITE_MS = 2_000
const MAX_TRIES = 8
const FIRST_DELAY_MS = 100

export interface LedgerPorts {
	ledger: Ledger
	deadline: Deadline
	now: () => number
	sleep: (ms: number) => Promise<unknown>
	random: () => number
}

/**
 * As `Ledger.replace`, tried again for as long as there is time: what is known after a call must not be lost because the
 * table answered slowly once.
 */
export async function replaceInTime<Next extends Draft>(
	previous: Entry,
	next: Next,
	{ ledger, deadline, now, sleep, random }: LedgerPorts,
): Promise<(Next & Entry) | null> {
	for (let tries = 1; ; tries++) {
		try {
			return await ledger.replace(previous, next, now())
		} catch (error) {
			// A throttled table needs time more than it needs tries.
			const delayMs = FIRST_DELAY_MS * 2 ** (tries - 1) * (0.5 + random() / 2)
			if (tries === MAX_TRIES || deadline.leftMs() - delayMs < MIN_WRITE_MS) throw error
			await sleep(delayMs)
		}
	}
}

/**
 * After the last outcome of an export was published, its entry is kept for the time of deduplication only. Never rejects:
 * an entry that could not be changed is kept for longer, and the next publisher tries again.
 */
export async function startDeduplication(
	entry: SettledEntry,
	{ ledger, now, deduplicationMs }: Pick<LedgerPorts, 'ledger' | 'now'> & { deduplicationMs: number },
): Promise<void> {
	const expiresAtMs = expiryOncePublished(entry, now(), deduplicationMs)
	if (expiresAtMs !== null) await ledger.expireAt(entry, expiresAtMs).catch(() => false)
}
