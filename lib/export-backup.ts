import type { Publish } from './aws/topic.ts'
import { type ErrorCode, ExportError, RequestInvalid, toExportError } from './errors.ts'
import { toExportIdentity } from './export-key.ts'
import { type ExportRequest, parseExportRequest } from './export-request.ts'
import { decideClaim, type Entry, type Ledger, release, settle } from './ledger.ts'
import type { CallNcp } from './ncp/client.ts'
import type { Reply } from './ncp/reply.ts'
import {
	type OutcomeEvent,
	type SettledState,
	type Trigger,
	toOutcomeError,
	toOutcomeEvent,
	toRejectedEvent,
} from './outcome.ts'
import { unwrap } from './unwrap.ts'

/** One request as a trigger delivered it. */
export interface Delivery {
	request: ExportRequest | RequestInvalid
	/** The request's text as it came, for the event of a rejected one. */
	original: string
	trigger: Trigger
	traceparent: string | undefined
	/** There will be no further delivery: what is not settled now is exhausted. */
	isLast: boolean
	/** It came back from the dead-letter queue. */
	isRedriven: boolean
	/** When the trigger was set off, if it says so: the same for each delivery of one message. */
	sentAtMs: number | undefined
}

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
	/** One log line and the metrics of what became of a delivery; must not throw. */
	observe: (delivery: Delivery, ending: OutcomeEvent | ExportError) => void
}

/** Kept for settling, publishing and answering, so that a slow call cannot leave an outcome unsaid. */
const RESERVE_MS = 4_000

/** With less than this for the call itself it is not begun: a call cut short is an outcome unknown. */
const MIN_CALL_MS = 3_000

/** A claimer is killed at its deadline; the rest is for clocks that differ. */
const LEASE_MARGIN_MS = 60_000

/** How often somebody else may be first before we come back later. */
const MAX_CLAIM_TRIES = 3

export interface DeliveryOptions {
	regionCode: string | undefined
	traceparent?: string | undefined
	original?: string
	isLast?: boolean
	isRedriven?: boolean
	sentAtMs?: number | undefined
}

/** Reads what a trigger delivered; an invalid request is a delivery too, since its outcome is published. */
export function toDelivery(input: unknown, trigger: Trigger, options: DeliveryOptions): Delivery {
	const {
		regionCode,
		traceparent,
		original = toText(input),
		isLast = false,
		isRedriven = false,
		sentAtMs,
	} = options
	const delivery = { original, trigger, traceparent, isLast, isRedriven, sentAtMs }
	try {
		const unwrapped = unwrap(input)
		const request = parseExportRequest(unwrapped.value, regionCode)
		return { ...delivery, request, traceparent: traceparent ?? unwrapped.traceparent }
	} catch (error) {
		if (!(error instanceof RequestInvalid)) throw error
		return { ...delivery, request: error }
	}
}

function toText(input: unknown): string {
	if (typeof input === 'string') return input
	try {
		return JSON.stringify(input) ?? ''
	} catch {
		// Nested too deep to be written: the outcome goes without its original.
		return ''
	}
}

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
		const event = await decide(delivery, remainingMs, ports)
		await ports.publish(event, remainingMs()).catch((cause) => {
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

async function decide(
	delivery: Delivery,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	const { request } = delivery
	if (request instanceof RequestInvalid) return reject(delivery, request, ports)
	// Before any side effect: a message that cannot be finished is handed back as it came.
	if (!hasTimeToCall(remainingMs) && !delivery.isLast) throw deadlineNear()
	const claimed = await claim(delivery, request, remainingMs, ports)
	return claimed.kind === 'ours'
		? perform(delivery, request, claimed.entry, remainingMs, ports)
		: claimed.event
}

function reject(delivery: Delivery, error: RequestInvalid, ports: ExportPorts): OutcomeEvent {
	return toRejectedEvent({ ...delivery, error, rejectedAtMs: delivery.sentAtMs ?? ports.now() })
}

type Claimed = { kind: 'ours'; entry: Entry } | { kind: 'done'; event: OutcomeEvent }

async function claim(
	delivery: Delivery,
	request: ExportRequest,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<Claimed> {
	const { ledger, now, createId, deduplicationMs, apiUrl } = ports
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
			deduplicationMs,
			createId,
			isRedriven: delivery.isRedriven,
		})
		switch (decision.kind) {
			case 'claim':
				if (await ledger.replace(decision.previous, decision.next, nowMs))
					return { kind: 'ours', entry: decision.next }
				break
			case 'abandoned':
				return {
					kind: 'done',
					event: await settleAs('unknown', delivery, request, decision.entry, null, lost(), ports),
				}
			case 'settled':
				return { kind: 'done', event: decision.event }
			case 'mismatch':
				return { kind: 'done', event: reject(delivery, mismatch(), ports) }
			case 'in-progress':
				throw inProgress(decision.leaseLeftMs)
		}
		known = await ledger.read(identity.exportKey)
	}
	throw inProgress(0)
}

async function perform(
	delivery: Delivery,
	request: ExportRequest,
	entry: Entry,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	const reply = hasTimeToCall(remainingMs) ? await ports.callNcp(request, remainingMs() - RESERVE_MS) : null
	const error = reply === null ? deadlineNear() : toReplyError(reply)
	if (error === null || !error.retryable) {
		return settleAs(toSettledState(reply), delivery, request, entry, reply, error, ports)
	}
	if (delivery.isLast) return settleAs('exhausted', delivery, request, entry, reply, error, ports)
	// Certainly not done, so the next delivery may call at once. Should this write fail, the lease runs out and the
	// export is unknown: less than we know, but never more.
	await ports.ledger.replace(entry, release(entry), ports.now())
	throw error
}

async function settleAs(
	state: SettledState,
	delivery: Delivery,
	request: ExportRequest,
	entry: Entry,
	reply: Reply | null,
	error: ExportError | null,
	{ ledger, now }: ExportPorts,
): Promise<OutcomeEvent> {
	const settledAtMs = now()
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
	})
	if (await ledger.replace(entry, settle(entry, event), settledAtMs)) return event
	// Another delivery found our lease run out and was first; what it wrote is what stands.
	const stored = await ledger.read(entry.exportKey)
	if (stored?.event?.data.exportId === entry.exportId) return stored.event
	throw inProgress(0)
}

function hasTimeToCall(remainingMs: () => number): boolean {
	return remainingMs() - RESERVE_MS >= MIN_CALL_MS
}

function toSettledState(reply: Reply | null): SettledState {
	return reply?.kind === 'accepted' || reply?.kind === 'refused' ? reply.kind : 'unknown'
}

const REPLY_ERRORS = {
	refused: ['NCP_REFUSED', 'NCP will not do it as asked'],
	unknown: ['NCP_UNKNOWN', 'it may or may not have been done'],
	later: ['NCP_LATER', 'NCP has not done it yet'],
	credentials: ['NCP_CREDENTIALS', 'NCP does not accept the key pair'],
} as const satisfies Record<string, readonly [ErrorCode, string]>

function toReplyError({ kind, envelope, code, message, retryAfterSeconds }: Reply): ExportError | null {
	if (kind === 'accepted') return null
	const [errorCode, meaning] = REPLY_ERRORS[kind]
	const said = code === null ? message : `${message} (code ${code})`
	const replyCode = code === null ? null : `${envelope}/${code}`
	return new ExportError(errorCode, `${meaning}: ${said}`, { retryAfterSeconds, replyCode })
}

function deadlineNear(): ExportError {
	return new ExportError('DEADLINE_NEAR', 'too little time was left; nothing was sent')
}

function inProgress(leaseLeftMs: number): ExportError {
	return new ExportError(
		'IN_PROGRESS',
		`another delivery is at work on it, for ${Math.ceil(leaseLeftMs / 1000)} s at most`,
	)
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
