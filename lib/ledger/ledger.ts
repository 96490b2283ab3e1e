import { folderOf } from '../object-key.ts'
import type { OutcomeEvent, State } from '../outcome/outcome.ts'
import type { DestinationRule } from '../request/export-identity.ts'

/**
 * `claimed` = a function may be calling NCP now; `waiting` = certainly not done, free to be tried again; `rejected` = no
 * export: another instance has its destination. It is kept so that every delivery of the same message is rejected, too.
 */
export type EntryState = 'claimed' | 'waiting' | State

/** What the ledger knows of one export. */
export interface Draft {
	exportKey: string
	exportId: string
	/**
	 * `exclusive`: NCP is called only once the destination belongs to the instance. `shared`: other instances may have the
	 * same. Null in an entry of an earlier version, which knew no such rule.
	 */
	destinationRule: DestinationRule | null
	/** What was asked for: the same `idempotencyKey` with other fields has another fingerprint. */
	fingerprint: string
	state: EntryState
	/** Why it waits, in words for an operator; null when it does not, or has not been tried. */
	waitsFor: string | null
	/** How often the export was tried. */
	attempts: number
	/** Until then, the function that claimed it may still be at work. */
	leaseUntilMs: number
	requestedAtMs: number
	/** When the delivery that called NCP claimed it: no object that is older can be this export's. */
	claimedAtMs: number
	/** From then on the key is free: a request with it is another export. */
	expiresAtMs: number
	/** The outcome of the state, published again byte for byte; null before the first one. */
	event: OutcomeEvent | null
	/** The number of the first check of the present state: from there on the waits grow. */
	firstCheck: number
	/** The number of the next arrival check. A check with a lower number is out of date. */
	nextCheck: number
	nextCheckAtMs: number
	/** How often an unknown export was sent once more: at most once. */
	resends: number
	resentAtMs: number
	/** The check that was asked for twice, because the first message may have been lost. */
	repeatedCheck: number
	/**
	 * Whether a coverage check asked for it: `ordered` = before NCP was called; `joined` = when somebody else's call had been
	 * made. Either way, a completed export is remembered for `COVERED_MS`.
	 */
	coverage: 'none' | 'ordered' | 'joined'
}

/** One export as the store keeps it. */
export interface Entry extends Draft {
	/** Changes with each write. A write names the revision that it replaces. */
	revision: string
}

/** Compare-and-swap on single items: all that the state machine needs of a store. All throw `LEDGER_UNAVAILABLE`. */
export interface Ledger {
	read: (exportKey: string) => Promise<Entry | null>
	/**
	 * Writes `next` if the item is still `previous` (`null` = absent, or expired at `nowMs`), and resolves with the entry
	 * as written. Resolves with null, and writes nothing, when another writer was first. Called again with the very same
	 * `next`, it recognises its own write, so a write whose answer was lost can be repeated. `previous` may
	 * also be a draft whose write got no answer.
	 */
	replace: <Next extends Draft>(
		previous: Entry | Draft | null,
		next: Next,
		nowMs: number,
	) => Promise<(Next & Entry) | null>
	/**
	 * Changes when an entry expires, but not its revision: a write that is under way stays valid. Resolves with false, and
	 * writes nothing, when the entry has been replaced or is gone.
	 */
	expireAt: (entry: Entry, expiresAtMs: number) => Promise<boolean>
}

/** An entry, or a draft of one, that has an outcome. */
export type Settled<Of extends Draft> = Of & { event: OutcomeEvent }

export type SettledEntry = Settled<Entry>

export interface Claim {
	exportKey: string
	fingerprint: string
	destinationRule: DestinationRule
	nowMs: number
	/** Longer than the claiming function can live, so an expired lease proves that it is dead. */
	leaseMs: number
	createId: (nowMs: number) => string
	/** The message came back from the dead-letter queue: an exhausted export starts over. */
	isRedriven: boolean
	/** A coverage check asks for it. */
	isForCoverage: boolean
	/** Of the message, call or event that asks for it. */
	triggerId: string
}

export type ClaimDecision =
	/** Write `next` in place of `previous`. Once it is written, this delivery makes the call. */
	| { kind: 'claim'; previous: Entry | null; next: Draft }
	/** The function that claimed it died, perhaps after sending: settle it as unknown, never call again. */
	| { kind: 'abandoned'; entry: Entry }
	| { kind: 'settled'; entry: SettledEntry }
	| { kind: 'in-progress'; leaseLeftMs: number }
	| { kind: 'mismatch' }

/** What a delivery may do, given what the ledger holds. Total. */
export function decideClaim(entry: Entry | null, claim: Claim): ClaimDecision {
	if (entry === null || entry.expiresAtMs <= claim.nowMs)
		return { kind: 'claim', previous: null, next: firstClaim(claim) }
	if (entry.state === 'rejected')
		return entry.event?.data.trigger.id === claim.triggerId
			? { kind: 'settled', entry: toSettled(entry) }
			: { kind: 'claim', previous: entry, next: firstClaim(claim) }
	if (entry.fingerprint !== claim.fingerprint) return { kind: 'mismatch' }
	switch (entry.state) {
		case 'claimed':
			if (entry.leaseUntilMs > claim.nowMs)
				return { kind: 'in-progress', leaseLeftMs: entry.leaseUntilMs - claim.nowMs }
			return { kind: 'abandoned', entry }
		case 'waiting':
			return { kind: 'claim', previous: entry, next: nextClaim(entry, claim) }
		case 'exhausted':
			if (claim.isRedriven) return { kind: 'claim', previous: entry, next: firstClaim(claim) }
			return { kind: 'settled', entry: toSettled(entry) }
		default:
			return { kind: 'settled', entry: toSettled(entry) }
	}
}

/**
 * The entry with the note that a coverage check asked for it after NCP was called. Null when there is nothing to note: it
 * is noted already, or the export has ended without being completed.
 */
export function joinCoverage<Of extends Draft>(entry: Of, nowMs: number): Of | null {
	const isCompleted = entry.state === 'completed'
	if (entry.coverage !== 'none' || (isEnded(entry) && !isCompleted)) return null
	const expiresAtMs = isCompleted ? Math.max(entry.expiresAtMs, nowMs + COVERED_MS) : entry.expiresAtMs
	return { ...entry, coverage: 'joined', expiresAtMs }
}

/** The export that an entry stands for: none once it has expired, and none for a rejected request. */
export function toExport(entry: Entry | null, nowMs: number): Entry | null {
	return entry === null || entry.expiresAtMs <= nowMs || entry.state === 'rejected' ? null : entry
}

/** An export that has its id, and waits in the queue for its first attempt. */
export function reserve(claim: Omit<FirstClaim, 'leaseMs' | 'isForCoverage'>): Draft {
	return {
		...firstClaim({ ...claim, leaseMs: 0, isForCoverage: false }),
		state: 'waiting',
		attempts: 0,
		leaseUntilMs: 0,
	}
}

/** True for an outcome that nothing follows. */
export function isEnded(entry: Draft): boolean {
	return entry.event?.data.terminal === true
}

/** Whether NCP may have written an export's copy to this key. The objects of one export lie together. */
export function mayHavePut({ state, event }: Draft, key: string): boolean {
	switch (state) {
		case 'waiting':
		case 'refused':
		case 'exhausted':
		case 'rejected':
			return false
		case 'completed':
			return folderOf(event?.data.object?.key ?? '') === folderOf(key)
		case 'claimed':
		case 'accepted':
		case 'unknown':
		case 'missing':
		case 'unverified':
			return true
	}
}

/** Certainly not done: free for the next delivery, under the same exportId. */
export function release(entry: Draft, waitsFor: string | null = null): Draft {
	return { ...entry, state: 'waiting', leaseUntilMs: 0, waitsFor }
}

/**
 * Records the outcome and ends the lease. The entry is kept for `UNSETTLED_MS` at least, since the outcome is not
 * published yet; `expiryOncePublished` says for how long after that.
 */
export function settle(
	entry: Draft,
	event: OutcomeEvent,
	nowMs: number,
	deduplicationMs: number,
): Settled<Draft> {
	const { state } = event.data
	const expiresAtMs = Math.max(keptUntil(entry, nowMs), nowMs + sameMs({ ...entry, state }, deduplicationMs))
	return { ...entry, state, leaseUntilMs: 0, waitsFor: null, event, expiresAtMs }
}

/** When an entry whose outcome has just been published expires, if that is earlier than before; else null. */
export function expiryOncePublished(entry: Draft, nowMs: number, deduplicationMs: number): number | null {
	const expiresAtMs = nowMs + sameMs(entry, deduplicationMs)
	// A store may count in whole seconds.
	return isEnded(entry) && entry.expiresAtMs >= expiresAtMs + 1_000 ? expiresAtMs : null
}

/**
 * Whether an ended entry shows that its outcome has been published, by its earlier expiry. Null when deduplication is longer
 * than `UNSETTLED_MS`: then it expires no earlier.
 */
export function showsPublication(entry: Settled<Draft>): boolean | null {
	const unpublishedMs = Date.parse(entry.event.data.settledAt) + UNSETTLED_MS
	// A store may count in whole seconds.
	if (entry.expiresAtMs > unpublishedMs + 1_000) return null
	return entry.expiresAtMs < unpublishedMs - 1_000
}

/** Sets which arrival check comes next, and when. */
export function awaitCheck(
	entry: Settled<Draft>,
	nextCheck: number,
	nextCheckAtMs: number,
	nowMs: number,
): Settled<Draft> {
	return { ...entry, nextCheck, nextCheckAtMs, expiresAtMs: keptUntil(entry, nowMs) }
}

/**
 * Written before an unknown export is sent once more: whatever dies afterwards, it is never sent a third time. Counts the
 * check too, so a double of it that arrives meanwhile is out of date.
 */
export function beginResend(
	entry: Settled<Draft>,
	nextCheck: number,
	nextCheckAtMs: number,
	nowMs: number,
): Settled<Draft> {
	const { resends, attempts } = entry
	return {
		...awaitCheck(entry, nextCheck, nextCheckAtMs, nowMs),
		resends: resends + 1,
		resentAtMs: nowMs,
		attempts: attempts + 1,
	}
}

/** The next check has been asked for a second time. */
export function repeatCheck(entry: Settled<Draft>): Settled<Draft> {
	return { ...entry, repeatedCheck: entry.nextCheck }
}

/** The resend was certainly not done: it may be tried again. */
export function undoResend(entry: Settled<Draft>): Settled<Draft> {
	return { ...entry, resends: entry.resends - 1, resentAtMs: 0 }
}

/** Throws a plain Error for an entry without an outcome, which no settled entry is. */
export function toSettled(entry: Entry): SettledEntry {
	const { event } = entry
	if (event === null) throw new Error('a settled entry has an event')
	return { ...entry, event }
}

/**
 * Longer than any message about an export can exist: SQS keeps one for 14 days at most, as a dead letter too, and an
 * operator's redrive sends it a last time. Until then no export is forgotten that is not settled and published.
 */
export const UNSETTLED_MS = 20 * 24 * 60 * 60 * 1000

/** Longer than NCP keeps a backup: a copy that was removed is not made again while its backup is still listed. */
export const COVERED_MS = 35 * 24 * 60 * 60 * 1000

/** How long an export stays the same export. */
function sameMs({ state, coverage }: Draft, deduplicationMs: number): number {
	const isCovered = state === 'completed' && coverage !== 'none'
	return isCovered ? Math.max(deduplicationMs, COVERED_MS) : deduplicationMs
}

function keptUntil(entry: Draft, nowMs: number): number {
	return Math.max(entry.expiresAtMs, nowMs + UNSETTLED_MS)
}

type FirstClaim = Omit<Claim, 'isRedriven' | 'triggerId'>

function firstClaim(claim: FirstClaim): Draft {
	const { exportKey, fingerprint, destinationRule, nowMs, leaseMs, createId, isForCoverage } = claim
	return {
		exportKey,
		exportId: createId(nowMs),
		fingerprint,
		destinationRule,
		state: 'claimed',
		waitsFor: null,
		attempts: 1,
		leaseUntilMs: nowMs + leaseMs,
		requestedAtMs: nowMs,
		claimedAtMs: nowMs,
		expiresAtMs: nowMs + UNSETTLED_MS,
		event: null,
		firstCheck: 0,
		nextCheck: 0,
		nextCheckAtMs: 0,
		resends: 0,
		resentAtMs: 0,
		repeatedCheck: -1,
		coverage: isForCoverage ? 'ordered' : 'none',
	}
}

function nextClaim(entry: Entry, { destinationRule, nowMs, leaseMs, isForCoverage }: Claim): Draft {
	return {
		...entry,
		destinationRule,
		coverage: isForCoverage ? 'ordered' : entry.coverage,
		state: 'claimed',
		attempts: entry.attempts + 1,
		claimedAtMs: nowMs,
		leaseUntilMs: nowMs + leaseMs,
		expiresAtMs: nowMs + UNSETTLED_MS,
	}
}
