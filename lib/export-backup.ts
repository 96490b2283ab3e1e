import { CHECK_GRACE_MS, checkDelaySeconds } from './arrival-schedule.ts'
import type { ScheduleCheck } from './aws/arrival-queue.ts'
import type { Publish } from './aws/topic.ts'
import type { Delivery } from './delivery.ts'
import { ExportError, RequestInvalid, toExportError } from './errors.ts'
import { toExportIdentity } from './export-key.ts'
import type { ExportRequest } from './export-request.ts'
import {
	decideClaim,
	type Entry,
	type Ledger,
	release,
	type SettledEntry,
	settle,
	toSettled,
} from './ledger.ts'
import type { CallNcp } from './ncp/client.ts'
import type { Reply } from './ncp/reply.ts'
import {
	type OutcomeEvent,
	type SettledState,
	toOutcomeError,
	toOutcomeEvent,
	toRejectedEvent,
} from './outcome.ts'
import { toReplyError } from './reply-error.ts'

/** The outcome is settled and stored, but not published: the next delivery publishes it and never calls. */
export class PublishFailed extends ExportError {
	// Private, since Lambda logs what is enumerable.
	readonly #event: OutcomeEvent

	constructor(event: OutcomeEvent, cause: unknown) {
		super(
			'PUBLISH_FAILED',
			cause instanceof ExportError ? cause.message : 'the topic did not take the outcome',
			{ cause },
		)
		this.#event = event
	}

	get event(): OutcomeEvent {
		return this.#event
	}
}

export interface ExportPorts {
	/** Base of the API: a part of an export's identity. */
	apiUrl: string
	callNcp: CallNcp
	ledger: Ledger
	publish: Publish
	/** Milliseconds since the epoch. */
	now: () => number
	/** Opaque and unique, and later ids sort behind earlier ones. */
	createId: (nowMs: number) => string
	deduplicationMs: number
	/** Null when arrival checks are off: then nothing follows an accepted or unknown export. */
	arrival: { schedule: ScheduleCheck; deadlineMs: number } | null
	/** One log line and the metrics of what became of a delivery; must not throw. */
	observe: (delivery: Delivery, ending: OutcomeEvent | ExportError) => void
}

/** Kept for settling, publishing and answering, so that a slow call cannot leave an outcome unsaid. */
const RESERVE_MS = 4_000

/** With less than this for the call itself it is not begun: a call cut short is an outcome unknown. */
const MIN_CALL_MS = 3_000

/** A claimer is killed at its deadline; the rest is for clocks that differ. */
const LEASE_MARGIN_MS = 60_000

/** Settling is tried so often, while at least this is left for it and for publishing. */
const MAX_SETTLE_TRIES = 5
const MIN_SETTLE_MS = 2_000

/** How often somebody else may be first before we come back later. */
const MAX_CLAIM_TRIES = 3

/**
 * The use case: claim, call NCP, settle, publish. Resolves with the published outcome when the delivery is finished,
 * also when NCP refused or the request was rejected. Rejects with a retryable `ExportError` when it must be delivered
 * again: `NCP_LATER`, `NCP_CREDENTIALS`, `IN_PROGRESS`, `DEADLINE_NEAR`, `LEDGER_UNAVAILABLE`, `INTERNAL`, and
 * `PUBLISH_FAILED`, after which the next delivery publishes and never calls. Delivered again after it was settled, it
 * publishes the same event, byte for byte. `remainingMs` says how long the trigger still waits for an answer.
 */
export async function exportBackup(
	delivery: Delivery,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	try {
		const decided = await decide(delivery, remainingMs, ports)
		const { event } = decided
		await announce(decided, remainingMs, ports).catch((cause) => {
			throw new PublishFailed(event, cause)
		})
		ports.observe(delivery, event)
		return event
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(delivery, error)
		throw error
	}
}

/** The check is asked for first: should publishing fail, the next delivery asks again, and a doubled check does no harm. */
async function announce(
	{ event, entry }: Decided,
	remainingMs: () => number,
	{ arrival, publish, now }: ExportPorts,
): Promise<void> {
	if (arrival !== null && entry !== null && !event.data.terminal) {
		const { exportKey, exportId, nextCheck, nextCheckAtMs } = entry
		const leftMs = Date.parse(event.data.settledAt) + arrival.deadlineMs - now()
		if (nextCheck === 0)
			await arrival.schedule({ exportKey, exportId, check: 0 }, checkDelaySeconds(0, leftMs))
		else if (now() > nextCheckAtMs + CHECK_GRACE_MS)
			await arrival.schedule({ exportKey, exportId, check: nextCheck }, 1)
	}
	await publish(event, remainingMs())
}

/** An outcome, and the entry that it is stored in; a rejected request has none. */
interface Decided {
	event: OutcomeEvent
	entry: SettledEntry | null
}

async function decide(delivery: Delivery, remainingMs: () => number, ports: ExportPorts): Promise<Decided> {
	const { request } = delivery
	if (request instanceof RequestInvalid) return reject(delivery, request, ports)
	// Before any side effect: a message that cannot be finished is handed back as it came.
	if (!hasTimeToCall(remainingMs)) throw deadlineNear()
	const work = { delivery, request, remainingMs }
	const claimed = await claim(work, ports)
	return claimed.kind === 'ours' ? perform(work, claimed.entry, ports) : claimed.decided
}

function reject(delivery: Delivery, error: RequestInvalid, ports: ExportPorts): Decided {
	const event = toRejectedEvent({ ...delivery, error, rejectedAtMs: delivery.sentAtMs ?? ports.now() })
	return { event, entry: null }
}

type Claimed = { kind: 'ours'; entry: Entry } | { kind: 'done'; decided: Decided }

async function claim(work: Work, ports: ExportPorts): Promise<Claimed> {
	const { delivery, request, remainingMs } = work
	const { ledger, now, createId, apiUrl } = ports
	const identity = toExportIdentity(apiUrl, request)
	// Most requests are new: the first look at the table is the claim itself.
	let known: Entry | null = null
	for (let tries = 0; tries < MAX_CLAIM_TRIES; tries++) {
		const nowMs = now()
		const leaseMs = Math.max(0, remainingMs()) + LEASE_MARGIN_MS
		const decision = decideClaim(known, {
			...identity,
			nowMs,
			leaseMs,
			createId,
			isRedriven: delivery.isRedriven,
		})
		switch (decision.kind) {
			case 'claim':
				if (await tryClaim(decision.previous, decision.next, nowMs, remainingMs, ports))
					return { kind: 'ours', entry: decision.next }
				break
			case 'abandoned':
				return { kind: 'done', decided: await settleAs('unknown', work, decision.entry, null, lost(), ports) }
			case 'settled':
				return { kind: 'done', decided: { event: decision.entry.event, entry: decision.entry } }
			case 'mismatch':
				return { kind: 'done', decided: reject(delivery, mismatch(), ports) }
			case 'in-progress':
				throw inProgress(decision.leaseLeftMs)
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

/** What is known after a call must not be lost to one slow answer of the table: tried for as long as there is time. */
async function replaceInTime(
	previous: Entry,
	next: Entry,
	remainingMs: () => number,
	{ ledger, now }: ExportPorts,
): Promise<boolean> {
	for (let tries = 1; ; tries++) {
		try {
			return await ledger.replace(previous, next, now())
		} catch (error) {
			if (tries === MAX_SETTLE_TRIES || remainingMs() < MIN_SETTLE_MS) throw error
		}
	}
}

/** A delivery with a valid request, on its way. */
interface Work {
	delivery: Delivery
	request: ExportRequest
	remainingMs: () => number
}

async function perform(work: Work, entry: Entry, ports: ExportPorts): Promise<Decided> {
	const { delivery, request, remainingMs } = work
	const reply = hasTimeToCall(remainingMs) ? await ports.callNcp(request, remainingMs() - RESERVE_MS) : null
	const error = reply === null ? deadlineNear() : toReplyError(reply)
	if (error === null || !error.retryable)
		return settleAs(toSettledState(reply), work, entry, reply, error, ports)
	if (delivery.isLast && reply !== null) return settleAs('exhausted', work, entry, reply, error, ports)
	// Certainly not done, so the next delivery may call at once. Should this write fail for good, the lease runs out
	// and the export is unknown: less than we know, but never more.
	await replaceInTime(entry, release(entry), remainingMs, ports)
	throw error
}

async function settleAs(
	state: SettledState,
	{ delivery, request, remainingMs }: Work,
	entry: Entry,
	reply: Reply | null,
	error: ExportError | null,
	ports: ExportPorts,
): Promise<Decided> {
	const settledAtMs = ports.now()
	const event = toOutcomeEvent({
		state,
		exportId: entry.exportId,
		request,
		reply,
		error: error === null ? null : toOutcomeError(error, reply),
		attempts: entry.attempts,
		trigger: delivery.trigger,
		traceparent: delivery.traceparent,
		requestedAtMs: entry.requestedAtMs,
		settledAtMs,
		isArrivalChecked: ports.arrival !== null,
	})
	const settled = settle(entry, event, settledAtMs + ports.deduplicationMs)
	if (await replaceInTime(entry, settled, remainingMs, ports)) return { event, entry: settled }
	// Another delivery found our lease run out and was first, or our own write landed although its answer was lost.
	const stored = await ports.ledger.read(entry.exportKey)
	if (stored?.event?.data.exportId === entry.exportId)
		return { event: stored.event, entry: toSettled(stored) }
	throw inProgress(0)
}

function hasTimeToCall(remainingMs: () => number): boolean {
	return remainingMs() - RESERVE_MS >= MIN_CALL_MS
}

function toSettledState(reply: Reply | null): SettledState {
	return reply?.kind === 'accepted' || reply?.kind === 'refused' ? reply.kind : 'unknown'
}

function deadlineNear(): ExportError {
	return new ExportError('DEADLINE_NEAR', 'too little time was left; nothing was sent')
}

function inProgress(leaseLeftMs: number): ExportError {
	const retryAfterSeconds = Math.max(1, Math.ceil(leaseLeftMs / 1000))
	const message = `another delivery is at work on it, for ${retryAfterSeconds} s at most`
	return new ExportError('IN_PROGRESS', message, { retryAfterSeconds })
}

function lost(): ExportError {
	return new ExportError(
		'NCP_UNKNOWN',
		'it may or may not have been done: an earlier attempt died before it could say',
	)
}

function mismatch(): RequestInvalid {
	const detail = 'was used before for another instance, file, bucket or region'
	return new RequestInvalid([{ field: 'idempotencyKey', detail }], 'IDEMPOTENCY_MISMATCH')
}
