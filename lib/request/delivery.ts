import { RequestInvalid } from '../errors.ts'
import type { Trigger } from '../outcome/outcome.ts'
import { type ExportRequest, isRecord, parseExportRequest } from './export-request.ts'
import { unwrap } from './unwrap-envelope.ts'

/** One request as a trigger delivered it. */
export interface Delivery {
	request: ExportRequest | RequestInvalid
	/** The request's text as it came, for the event of a rejected one. */
	original: string
	trigger: Trigger
	traceparent: string | undefined
	/** There will be no further delivery: what is not settled now is exhausted. */
	isLast: boolean
	/** It came back from a dead-letter queue. */
	isRedriven: boolean
	/** When the trigger was set off, if it says so: the same for each delivery of one message. */
	sentAtMs: number | undefined
}

export interface DeliveryOptions {
	regionCode: string | undefined
	traceparent?: string | undefined
	original?: string
	/** From outside the request, such as a header; the request may name the same one, or none. */
	idempotencyKey?: string | undefined
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
		const request = parseExportRequest(withKey(unwrapped.value, options.idempotencyKey), regionCode)
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

/** A key from outside is checked as the request's own; two that differ are nobody's. */
function withKey(value: unknown, idempotencyKey: string | undefined): unknown {
	if (idempotencyKey === undefined || !isRecord(value)) return value
	if (value.idempotencyKey !== undefined && value.idempotencyKey !== idempotencyKey) {
		throw new RequestInvalid([{ field: 'idempotencyKey', detail: 'differs from the Idempotency-Key header' }])
	}
	return { ...value, idempotencyKey }
}
