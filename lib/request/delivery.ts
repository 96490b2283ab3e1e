import { RequestInvalid } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import { type ExportRequest, parseExportRequest, type RequestDefaults } from './export-request.ts'
import { unwrapEnvelope } from './unwrap-envelope.ts'

/** An SQS message, an HTTP request, or an event. */
export const TRIGGER_KINDS = ['queue', 'webhook', 'pipeline'] as const

/** What started the work. */
export interface Trigger {
	kind: (typeof TRIGGER_KINDS)[number]
	id: string
}

/** What is known of a delivery whether its request is valid or not. */
interface DeliveryFacts {
	/** The request's text as it came, for the event of a rejected one. */
	original: string
	trigger: Trigger
	traceparent: string | undefined
	/** There will be no further delivery: what is not settled now is exhausted. */
	isLast: boolean
	/** It came back from a dead-letter queue. */
	isRedriven: boolean
	/** The policy whose coverage check asked for it; undefined when somebody else did. */
	coveragePolicy: string | undefined
	/** When the trigger was set off, if it says so: the same for each delivery of one message. */
	sentAtMs: number | undefined
}

export type ValidDelivery = DeliveryFacts & { kind: 'valid'; request: ExportRequest }

export type InvalidDelivery = DeliveryFacts & { kind: 'invalid'; error: RequestInvalid }

/** One request as a trigger delivered it. An invalid one is a delivery too, since its outcome is published. */
export type Delivery = ValidDelivery | InvalidDelivery

export interface DeliveryOptions extends RequestDefaults {
	traceparent?: string | undefined
	original?: string
	/** From a header. The request itself may name the same key, or none. */
	idempotencyKey?: string | undefined
	isLast?: boolean
	isRedriven?: boolean
	coveragePolicy?: string | undefined
	sentAtMs?: number | undefined
}

/** Reads what a trigger delivered. Total: what cannot be read is an invalid delivery. */
export function toDelivery(input: unknown, trigger: Trigger, options: DeliveryOptions): Delivery {
	const { traceparent, original = toText(input), isLast = false, isRedriven = false } = options
	const { coveragePolicy, sentAtMs } = options
	const facts = { original, trigger, traceparent, isLast, isRedriven, coveragePolicy, sentAtMs }
	try {
		const unwrapped = unwrapEnvelope(input)
		// Also an invalid request is answered with the trace that it came with.
		facts.traceparent ??= unwrapped.traceparent
		const request = parseExportRequest(withKey(unwrapped.value, options.idempotencyKey), options)
		return { ...facts, kind: 'valid', request }
	} catch (error) {
		if (!(error instanceof RequestInvalid)) throw error
		return { ...facts, kind: 'invalid', error }
	}
}

/** The same delivery, found to be invalid later on. */
export function toInvalid(
	{ request: _request, ...facts }: ValidDelivery,
	error: RequestInvalid,
): InvalidDelivery {
	return { ...facts, kind: 'invalid', error }
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

/** A key from outside is checked like the request's own. Two keys that differ are refused. */
function withKey(value: unknown, idempotencyKey: string | undefined): unknown {
	if (idempotencyKey === undefined || !isRecord(value)) return value
	if (value.idempotencyKey !== undefined && value.idempotencyKey !== idempotencyKey) {
		throw new RequestInvalid([{ field: 'idempotencyKey', detail: 'differs from the Idempotency-Key header' }])
	}
	return { ...value, idempotencyKey }
}
