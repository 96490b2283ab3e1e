import { ExportError, RequestInvalid } from '../errors.ts'
import { decideClaim, type Entry, release, type SettledEntry } from '../ledger/ledger.ts'
import { toExportIdentity } from '../request/export-identity.ts'
import type { ExportPorts, Work } from './export-ports.ts'

/** A claimer is killed at its deadline; the rest is for clocks that differ. */
const LEASE_MARGIN_MS = 60_000

/** How often somebody else may be first before we come back later. */
const MAX_CLAIM_TRIES = 3

export type Claimed =
	/** The call is ours to make. */
	| { kind: 'ours'; entry: Entry }
	/** Whoever claimed it died, perhaps after sending. */
	| { kind: 'abandoned'; entry: Entry }
	| { kind: 'settled'; entry: SettledEntry }
	/** The idempotency key stands for another export. */
	| { kind: 'mismatch' }

/** Claims the export, or says who has it. Throws `IN_PROGRESS` while another delivery may be at work on it. */
export async function claim({ delivery, request, remainingMs }: Work, ports: ExportPorts): Promise<Claimed> {
	const { ledger, now, createId, apiUrl } = ports
	const { isRedriven } = delivery
	const identity = toExportIdentity(apiUrl, request)
	// Most requests are new: the first look at the table is the claim itself.
	let known: Entry | null = null
	for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
		const nowMs = now()
		const leaseMs = Math.max(0, remainingMs()) + LEASE_MARGIN_MS
		const decision = decideClaim(known, { ...identity, nowMs, leaseMs, createId, isRedriven })
		if (decision.kind === 'in-progress') throw inProgress(decision.leaseLeftMs)
		if (decision.kind !== 'claim') return decision
		if (await tryClaim(decision.previous, decision.next, nowMs, remainingMs, ports)) {
			return { kind: 'ours', entry: decision.next }
		}
		known = await ledger.read(identity.exportKey)
	}
	throw inProgress(0)
}

/** Writes the claim. When the answer to it is lost it may hold all the same, although nobody will call: it is taken back. */
async function tryClaim(
	previous: Entry | null,
	next: Entry,
	nowMs: number,
	remainingMs: () => number,
	{ ledger, publish }: ExportPorts,
): Promise<boolean> {
	// A redriven message starts anew; what ended before must have been said.
	if (previous?.event) await publish(previous.event, remainingMs())
	try {
		return await ledger.replace(previous, next, nowMs)
	} catch (error) {
		await ledger.replace(next, release(next), nowMs).catch(() => false)
		throw error
	}
}

/** Somebody else is at it; the error says for how long at most. */
export function inProgress(leaseLeftMs: number): ExportError {
	const retryAfterSeconds = Math.max(1, Math.ceil(leaseLeftMs / 1000))
	const message = `another delivery is at work on it, for ${retryAfterSeconds} s at most`
	return new ExportError('IN_PROGRESS', message, { retryAfterSeconds })
}

/** One key cannot stand for two exports; the first one has it. */
export function idempotencyMismatch(): RequestInvalid {
	const detail = 'was used before for another instance, file, bucket or region'
	return new RequestInvalid([{ field: 'idempotencyKey', detail }], 'IDEMPOTENCY_MISMATCH')
}
