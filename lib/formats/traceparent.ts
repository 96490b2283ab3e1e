/** Version 00 as written; later versions may add fields. https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The trace context as it came, or undefined: an invalid one is ignored, not an error. */
export function parseTraceparent(value: unknown): string | undefined {
	return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined
}
