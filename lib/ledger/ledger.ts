import type { OutcomeEvent, SettledState } from '../outcome/outcome.ts'

/** `claimed` = somebody may be calling NCP now; `waiting` = certainly not done, free to be tried again. */
export type EntryState = 'claimed' | 'waiting' | SettledState

/** One export as the ledger keeps it. */
export interface Entry {
	exportKey: string
	exportId: string
	/** What was asked for: the same `idempotencyKey` with other fields has another one. */
	fingerprint: string
	state: EntryState
	/** Counts the writes of this entry; a write names the one it replaces. */
	version: number
	/** Made anew for each claim, so that nobody can write over another's claim of the same version. */
	claimId: string
	/** How often the export was tried. */
	attempts: number
	/** Until then whoever claimed it may still be at work. */
	leaseUntilMs: number
	requestedAtMs: number
	/** From then on the key is free: another request with it is another export. */
	expiresAtMs: number
	/** The outcome of the state, published again byte for byte; null before the first one. */
	event: OutcomeEvent | null
	/** The number of the next arrival check: an earlier one that comes again is out of date. */
	nextCheck: number
	nextCheckAtMs: number
	/** How often an unknown export was sent once more: at most once. */
	resends: number
	resentAtMs: number
	/** The check that was asked for a second time, since it may have been lost: never a third. */
	repeatedCheck: number
}

/** Single-item compare-and-swap: all that the state machine needs of a store. All throw `LEDGER_UNAVAILABLE`. */
export interface Ledger {
	read: (exportKey: string) => Promise<Entry | null>
	/**
	 * Writes `next` if the item is still `previous`; `null` = absent, or expired at `nowMs`. Resolves false, and
	 * writes nothing, when somebody else was first. A repeat, with the same `next`, of a write that was done resolves true.
	 */
	replace: (previous: Entry | null, next: Entry, nowMs: number) => Promise<boolean>
	/**
	 * Changes when an entry expires, and nothing that `replace` compares: a write that is under way stays valid.
	 * Resolves false, and writes nothing, when the entry has been replaced or is gone.
	 */
	expireAt: (entry: Entry, expiresAtMs: number) => Promise<boolean>
}

export type SettledEntry = Entry & { event: OutcomeEvent }

export interface Claim {
	exportKey: string
	fingerprint: string
	nowMs: number
	/** Longer than the claimer can live, so that a lease that ran out proves its death. */
	leaseMs: number
	createId: (nowMs: number) => string
	/** The message came back from the dead-letter queue: what was exhausted starts anew. */
	isRedriven: boolean
}

export type ClaimDecision =
	/** Write `next` in place of `previous`; once written, the call is ours to make. */
	| { kind: 'claim'; previous: Entry | null; next: Entry }
	/** The claimer died, perhaps after sending: settle it as unknown, never call again. */
	| { kind: 'abandoned'; entry: Entry }
	| { kind: 'settled'; entry: SettledEntry }
	| { kind: 'in-progress'; leaseLeftMs: number }
	| { kind: 'mismatch' }

/** What a delivery may do, by what the ledger holds. Total. */
export function decideClaim(entry: Entry | null, claim: Claim): ClaimDecision {
	if (entry === null || entry.expiresAtMs <= claim.nowMs)
		return { kind: 'claim', previous: null, next: firstClaim(claim) }
	if (entry.fingerprint !== claim.fingerprint) return { kind: 'mismatch' }
	switch (entry.state) {
		case 'claimed':
			if (entry.leaseUntilMs > claim.nowMs)
				return { kind: 'in-progress', leaseLeftMs: entry.leaseUntilMs - claim.nowMs }
			return { kind: 'abandoned', entry }
		case 'waiting':
			return { kind: 'claim', previous: entry, next: nextClaim(entry, claim) }
		case 'exhausted':
			if (claim.isRedriven) {
				return { kind: 'claim', previous: entry, next: { ...firstClaim(claim), version: entry.version + 1 } }
			}
			return settledDecision(entry)
		default:
			return settledDecision(entry)
	}
}

/** An export that has its id, and waits in the queue for its first attempt. */
export function reserve(claim: Pick<Claim, 'exportKey' | 'fingerprint' | 'nowMs' | 'createId'>): Entry {
	return {
		...firstClaim({ ...claim, leaseMs: 0, isRedriven: false }),
		state: 'waiting',
		attempts: 0,
		leaseUntilMs: 0,
	}
}

/** True for an outcome that nothing follows. All other entries are kept long enough anyway. */
export function isEnded(entry: Entry): boolean {
	return entry.event?.data.terminal === true
}

/** Certainly not done: free for the next delivery, under the same exportId. */
export function release(entry: Entry): Entry {
	return { ...entry, state: 'waiting', version: entry.version + 1, leaseUntilMs: 0 }
}

/**
 * Records the outcome and ends the lease. The entry is kept for `UNSETTLED_MS` at least, since the outcome is not
 * published yet; `expiryOncePublished` says for how long after that.
 */
export function settle(
	entry: Entry,
	event: OutcomeEvent,
	nowMs: number,
	deduplicationMs: number,
): SettledEntry {
	const expiresAtMs = Math.max(keptUntil(entry, nowMs), nowMs + deduplicationMs)
	const state = event.data.state as SettledState
	return { ...entry, state, version: entry.version + 1, leaseUntilMs: 0, event, expiresAtMs }
}

/** When an entry whose outcome has just been published expires, if that is earlier than so far; else null. */
export function expiryOncePublished(entry: Entry, nowMs: number, deduplicationMs: number): number | null {
	const expiresAtMs = nowMs + deduplicationMs
	// A store may count in whole seconds.
	return isEnded(entry) && entry.expiresAtMs >= expiresAtMs + 1_000 ? expiresAtMs : null
}

/** An arrival check has looked and found nothing yet; the next one is on its way. */
export function awaitCheck(
	entry: SettledEntry,
	nextCheck: number,
	nextCheckAtMs: number,
	nowMs: number,
): SettledEntry {
	const version = entry.version + 1
	return { ...entry, version, nextCheck, nextCheckAtMs, expiresAtMs: keptUntil(entry, nowMs) }
}

/** What may still have to be said, or to be done, is not forgotten. */
function keptUntil(entry: Entry, nowMs: number): number {
	return Math.max(entry.expiresAtMs, nowMs + UNSETTLED_MS)
}

/**
 * Written before an unknown export is sent once more, so that it never is a third time, whoever dies. Counts the check
 * too: a double of it that comes meanwhile is out of date.
 */
export function beginResend(
	entry: SettledEntry,
	nextCheck: number,
	nowMs: number,
	nextCheckAtMs: number,
): SettledEntry {
	const { resends, attempts } = entry
	return {
		...awaitCheck(entry, nextCheck, nextCheckAtMs, nowMs),
		resends: resends + 1,
		resentAtMs: nowMs,
		attempts: attempts + 1,
	}
}

/** The next check is asked for a second time. */
export function repeatCheck(entry: SettledEntry): SettledEntry {
	return { ...entry, version: entry.version + 1, repeatedCheck: entry.nextCheck }
}

/** The resend was certainly not done: it may be tried again. */
export function undoResend(entry: SettledEntry): SettledEntry {
	return { ...entry, version: entry.version + 1, resends: entry.resends - 1, resentAtMs: 0 }
}

function settledDecision(entry: Entry): ClaimDecision {
	return { kind: 'settled', entry: toSettled(entry) }
}

/** Throws a plain Error for an entry that has no outcome, which no settled one lacks. */
export function toSettled(entry: Entry): SettledEntry {
	const { event } = entry
	if (event === null) throw new Error('a settled entry has an event')
	return { ...entry, event }
}

/**
 * Longer than any message about an export can exist: SQS keeps one for 14 days at most, in the dead-letter queue too,
 * and an operator's redrive sends it a last time. Until then nothing is forgotten that is not settled and published.
 */
export const UNSETTLED_MS = 20 * 24 * 60 * 60 * 1000

function firstClaim(claim: Claim): Entry {
	const { exportKey, fingerprint, nowMs, leaseMs, createId } = claim
	return {
		exportKey,
		exportId: createId(nowMs),
		claimId: createId(nowMs),
		fingerprint,
		state: 'claimed',
		version: 1,
		attempts: 1,
		leaseUntilMs: nowMs + leaseMs,
		requestedAtMs: nowMs,
		expiresAtMs: nowMs + UNSETTLED_MS,
		event: null,
		nextCheck: 0,
		nextCheckAtMs: 0,
		resends: 0,
		resentAtMs: 0,
		repeatedCheck: -1,
	}
}

function nextClaim(entry: Entry, { nowMs, leaseMs, createId }: Claim): Entry {
	return {
		...entry,
		claimId: createId(nowMs),
		state: 'claimed',
		version: entry.version + 1,
		attempts: entry.attempts + 1,
		leaseUntilMs: nowMs + leaseMs,
		expiresAtMs: nowMs + UNSETTLED_MS,
	}
}
