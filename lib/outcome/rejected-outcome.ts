import { RequestInvalid, type RequestInvalidCode } from '../errors.ts'
import type { InvalidDelivery } from '../request/delivery.ts'
import { type OutcomeData, type OutcomeEvent, serializeEvent, toEvent, toOutcomeError } from './outcome.ts'

/**
 * The outcome of a request that NCP was never asked for. No export exists, so its id comes from the trigger. Pure:
 * `rejectedAtMs` must be the same for every delivery of one trigger, since the time is part of the content.
 */
export function toRejectedEvent(delivery: InvalidDelivery, rejectedAtMs: number): OutcomeEvent {
	const { error, original, trigger, traceparent } = delivery
	const at = new Date(rejectedAtMs).toISOString()
	const data: OutcomeData = {
		exportId: null,
		state: 'rejected',
		terminal: true,
		request: null,
		reply: null,
		error: { ...toOutcomeError(error), problems: error.problems },
		object: null,
		attempts: 0,
		trigger,
		requestedAt: at,
		settledAt: at,
	}
	return fitOriginal(toEvent(`${trigger.id}/rejected`, null, traceparent, data), original)
}

/** Why a request was rejected, from its stored outcome. */
export function toRejection({ data }: OutcomeEvent): RequestInvalid {
	const code = data.error?.code as RequestInvalidCode | undefined
	return new RequestInvalid(data.error?.problems ?? [], code)
}

const MAX_ORIGINAL_BYTES = 64 * 1024
const MAX_EVENT_BYTES = 200 * 1024

/** A control character is one byte in the body and six in JSON, so 64 KiB of text may still be too much for the event. */
function fitOriginal(event: OutcomeEvent, original: string): OutcomeEvent {
	for (let bytes = MAX_ORIGINAL_BYTES; ; bytes = Math.floor(bytes / 2)) {
		const kept = cutBytes(original, bytes)
		const fitted = { ...event, data: { ...event.data, original: kept, originalTruncated: kept !== original } }
		if (Buffer.byteLength(serializeEvent(fitted)) <= MAX_EVENT_BYTES) return fitted
	}
}

/** At most `bytes` of UTF-8, never half a character. */
function cutBytes(text: string, bytes: number): string {
	if (Buffer.byteLength(text) <= bytes) return text
	const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes))
	return text.slice(0, read)
}
