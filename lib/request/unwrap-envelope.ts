import { RequestInvalid } from '../errors.ts'
import { isRecord, parseStrictJson } from '../formats/json.ts'
import { parseTraceparent } from '../formats/traceparent.ts'

/** The largest request text that is read, in bytes. SQS and SNS carried as much when the limit was set. */
export const MAX_REQUEST_BYTES = 256 * 1024

const MAX_WRAPPINGS = 2

export interface Unwrapped {
	/** What the wrappings held: a request, unless the sender made a mistake. */
	value: unknown
	/** The outermost wrapping's own trace context, if any. */
	traceparent: string | undefined
}

/**
 * Takes off the envelopes of SNS, EventBridge and CloudEvents, each recognised by its own fields; at most two.
 * Throws `REQUEST_UNREADABLE` for text that is not strict JSON, is too long, or is wrapped more deeply.
 */
export function unwrapEnvelope(input: unknown): Unwrapped {
	let value = readJson(input, 'body')
	let traceparent: string | undefined
	for (let depth = 0; ; depth++) {
		const wrapping = findWrapping(value)
		if (wrapping === null) return { value, traceparent }
		if (depth === MAX_WRAPPINGS) throw invalid('body', `is wrapped more than ${MAX_WRAPPINGS} times`)
		traceparent ??= parseTraceparent(wrapping.traceparent)
		value = readJson(wrapping.content, wrapping.field)
	}
}

interface Wrapping {
	field: string
	content: unknown
	traceparent?: unknown
}

function findWrapping(value: unknown): Wrapping | null {
	if (!isRecord(value)) return null
	// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
	if (Object.hasOwn(value, 'Type') && Object.hasOwn(value, 'Message')) {
		const { traceparent } = isRecord(value.MessageAttributes) ? value.MessageAttributes : {}
		return {
			field: 'Message',
			content: value.Message,
			traceparent: isRecord(traceparent) ? traceparent.Value : undefined,
		}
	}
	// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
	if (Object.hasOwn(value, 'detail')) return { field: 'detail', content: value.detail }
	// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
	if (Object.hasOwn(value, 'specversion') && Object.hasOwn(value, 'data')) {
		return { field: 'data', content: value.data, traceparent: value.traceparent }
	}
	return null
}

/** A request in text form is JSON. An SNS `Message` need not be JSON at all. */
function readJson(value: unknown, field: string): unknown {
	if (typeof value !== 'string') return value
	if (Buffer.byteLength(value) > MAX_REQUEST_BYTES)
		throw invalid(field, `is larger than ${MAX_REQUEST_BYTES} bytes`)
	try {
		return parseStrictJson(value)
	} catch (error) {
		throw invalid(field, error instanceof Error ? error.message : 'is not JSON')
	}
}

function invalid(field: string, detail: string): RequestInvalid {
	return new RequestInvalid([{ field, detail }], 'REQUEST_UNREADABLE')
}
