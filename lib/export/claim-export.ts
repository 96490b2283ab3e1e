import { ExportError, type ExportErrorOptions, RequestInvalid } from '../errors.ts'
import {
	type Claim,
	type Draft,
	decideClaim,
	type Entry,
	joinCoverage,
	release,
	type SettledEntry,
} from '../ledger/ledger.ts'
import type { ExportPorts } from '../ports.ts'
import type { ValidDelivery } from '../request/delivery.ts'
import { type ExportIdentity, toExportIdentity } from '../request/export-identity.ts'
import { destinationTaken } from './destination-taken.ts'

/** The lease outlives the function by a minute of clock skew, so an expired lease proves that its holder is dead. */
const LEASE_MARGIN_MS = 60_000

/** How often another delivery may be first before this one is put off. */
const MAX_TRIES = 3

export type Claimed =
	/** This delivery makes the call. */
	| { kind: 'ours'; entry: Entry }
	/** The function that claimed it died, perhaps after sending. */
	| { kind: 'abandoned'; entry: Entry }
	| { kind: 'settled'; entry: SettledEntry }
	/**
	 * It conflicts with an earlier request. If the destination is another's, `entry` is still claimed, and is to be stored as
	 * rejected; if the idempotency key is another export's, it is null.
	 */
	| { kind: 'conflict'; error: RequestInvalid; entry: Entry | null }

/**
 * Claims exports, and their destinations. Throws `IN_PROGRESS` while another delivery may be at work on one,
 * `LEDGER_UNAVAILABLE`, and `PUBLISH_FAILED` when an export cannot start over because the outcome that it replaces
 * (`exhausted`, `rejected`) cannot be published.
 */
export function createClaimExport(ports: ExportPorts): (delivery: ValidDelivery) => Promise<Claimed> {
	const { ledger, destinations, now, createId, apiUrl, deadline, publish } = ports
	const destinationRule = destinations.rule

	/** If the answer to the write is lost, the claim may exist although this delivery will not call NCP. It is released. */
	const write = async (previous: Entry | null, next: Draft, nowMs: number): Promise<Entry | null> => {
		try {
			return await ledger.replace(previous, next, nowMs)
		} catch (error) {
			await ledger.replace(next, release(next), nowMs).catch(() => null)
			throw error
		}
	}

	/** Resolves with null when another writer was first. */
	const join = async <Of extends Entry>(entry: Of, { isForCoverage, nowMs }: Claim): Promise<Of | null> => {
		const joined = isForCoverage ? joinCoverage(entry, nowMs) : null
		return joined === null ? entry : ledger.replace(entry, joined, nowMs)
	}

	const claimOnce = async (known: Entry | null, claim: Claim): Promise<Claimed | null> => {
		const decision = decideClaim(known, claim)
		if (decision.kind === 'in-progress') throw inProgress(decision.leaseLeftMs)
		if (decision.kind === 'mismatch') return { kind: 'conflict', error: idempotencyMismatch(), entry: null }
		if (decision.kind === 'settled') {
			const entry = await join(decision.entry, claim)
			return entry && { kind: 'settled', entry }
		}
		if (decision.kind === 'abandoned') {
			const entry = await join(decision.entry, claim)
			return entry && { kind: 'abandoned', entry }
		}
		const { previous, next } = decision
		// What ended before, and starts over now, must have been published: an exhausted export, or a rejected request.
		if (previous?.event) await publish(previous.event)
		const entry = await write(previous, next, claim.nowMs)
		return entry && { kind: 'ours', entry }
	}

	const claim = async (
		identity: ExportIdentity,
		{ isRedriven, coveragePolicy, trigger }: ValidDelivery,
	): Promise<Claimed> => {
		// Most requests are new, so the first access to the table is the claim itself.
		let known: Entry | null = null
		for (let tries = 0; tries < MAX_TRIES; tries++) {
			const leaseMs = Math.max(0, deadline.leftMs()) + LEASE_MARGIN_MS
			const nowMs = now()
			const claimed = await claimOnce(known, {
				...identity,
				destinationRule,
				nowMs,
				leaseMs,
				createId,
				isRedriven,
				isForCoverage: coveragePolicy !== undefined,
				triggerId: trigger.id,
			})
			if (claimed !== null) return claimed
			known = await ledger.read(identity.exportKey)
		}
		throw contested()
	}

	return async (delivery) => {
		const { request } = delivery
		const identity = toExportIdentity(apiUrl, request)
		const take = () => destinations.take(request, identity.exportKey, now())
		// Neither write waits for the other, but NCP is called only after both.
		const [claiming, taking] = await Promise.allSettled([claim(identity, delivery), take()])
		if (claiming.status === 'rejected') throw claiming.reason
		const claimed = claiming.value
		if (claimed.kind === 'settled' || claimed.kind === 'conflict') {
			// Nothing is sent for these, so they ask for no destination. If it stays taken, it expires.
			if (taking.status === 'fulfilled' && taking.value.kind === 'ours')
				await taking.value.undo().catch(() => undefined)
			return claimed
		}
		if (taking.status === 'rejected') {
			const { entry } = claimed
			if (claimed.kind === 'ours') await ledger.replace(entry, release(entry), now()).catch(() => null)
			throw taking.reason
		}
		if (taking.value.kind === 'ours') return claimed
		// A function that died before this rule may have sent the request, so it must be settled.
		if (claimed.kind === 'abandoned' && claimed.entry.destinationRule !== 'exclusive') return claimed
		// This answer may be older than an abandoned claim, whose function may have had the destination since then.
		const again = claimed.kind === 'abandoned' ? await take() : taking.value
		if (again.kind === 'ours') return claimed
		return { kind: 'conflict', error: destinationTaken(request, again.by), entry: claimed.entry }
	}
}

/** Another delivery is at work on the export, for this time at most. */
export function inProgress(leaseLeftMs: number): ExportError {
	const retryAfterSeconds = Math.max(1, Math.ceil(leaseLeftMs / 1000))
	const message = `another delivery is at work on it, for ${retryAfterSeconds} s at most`
	return new ExportError('IN_PROGRESS', message, { retryAfterSeconds })
}

/** Other deliveries keep writing the same entry. */
export function contested(options: Pick<ExportErrorOptions, 'mayBeDone'> = {}): ExportError {
	const message = 'other deliveries keep changing the same export'
	return new ExportError('IN_PROGRESS', message, { retryAfterSeconds: 1, ...options })
}

/** One key cannot stand for two exports: it belongs to the first. */
export function idempotencyMismatch(): RequestInvalid {
	const detail = 'was used before for another instance, file, bucket, folder or region'
	return new RequestInvalid([{ field: 'idempotencyKey', detail }], 'IDEMPOTENCY_MISMATCH')
}
