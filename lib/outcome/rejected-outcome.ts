import { RequestInvalid, type RequestInvalidCode } from '../errors.ts'
import {
	type OutcomeData,
	type OutcomeEvent,
	serializeEvent,
	type Trigger,
	toEvent,
	toOutcomeError,
} from './outcome.ts'

export interface Rejected {
	error: RequestInvalid
	/** The request's text as it came. */
	original: string
	trigger: Trigger
	traceparent: string | undefined
	rejectedAtMs: number
}

/** The outcome of a request that NCP was never asked for. Its id comes from the trigger: no export exists. */
export function toRejectedEvent({
	error,
	original,
	trigger,
	traceparent,
	rejectedAtMs,
}: Rejected): OutcomeEvent {
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
	return fitOriginal(toEvent(`${trigger.id}/rejected`, traceparent, data), original)
}

const MAX_ORIGINAL_BYTES = 64 * 1024
const MAX_EVENT_BYTES = 200 * 1024

/** A control character is one byte in the body and six in JSON, so 64 KiB may still be too much for the event. */
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

/** The error of a rejected request, for a trigger that throws or answers it; null for every other outcome. */
export function toRequestInvalid({ data: { state, error } }: OutcomeEvent): RequestInvalid | null {
	if (state !== 'rejected') return null
	return new RequestInvalid(error?.problems ?? [], error?.code as RequestInvalidCode)
}
