import { describe, expect, it } from 'vitest'
import { MAX_REQUEST_BYTES, unwrapEnvelope } from '../../lib/request/unwrap-envelope.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('unwrap', () => {
	it('does not change a bare request', () => {
		expect(unwrapEnvelope('{"fileName":"x"}')).toEqual({ value: { fileName: 'x' }, traceparent: undefined })
	})

	it.each([
		[
			'SNS',
			{
				Type: 'Notification',
				Message: '{"a":1}',
				MessageAttributes: { traceparent: { Type: 'String', Value: TRACE } },
			},
		],
		['a CloudEvent', { specversion: '1.0', traceparent: TRACE, data: { a: 1 } }],
	])('keeps the trace context of %s', (_name, wrapped) => {
		expect(unwrapEnvelope(wrapped)).toEqual({ value: { a: 1 }, traceparent: TRACE })
	})

	it('keeps the outermost trace context and drops an invalid one', () => {
		const inner = { specversion: '1.0', traceparent: TRACE, data: { a: 1 } }
		const outer = TRACE.replace('0af7', '1af7')
		expect(unwrapEnvelope({ specversion: '1.0', traceparent: outer, data: inner }).traceparent).toBe(outer)
		expect(unwrapEnvelope({ specversion: '1.0', traceparent: 'nonsense', data: inner }).traceparent).toBe(
			TRACE,
		)
		expect(
			unwrapEnvelope({ Type: 'Notification', Message: '{}', MessageAttributes: { traceparent: 'x' } })
				.traceparent,
		).toBeUndefined()
	})

	it.each([
		['{ "fileName": ', 'body is not JSON'],
		['', 'body is not JSON'],
		['{"fileName":"a","fileName":"b"}', 'body names "fileName" twice'],
		[{ detail: '['.repeat(33) + ']'.repeat(33) }, 'detail is nested deeper than 32'],
		[{ Type: 'Notification', Message: 'plain words' }, 'Message is not JSON'],
		[{ detail: 'plain words' }, 'detail is not JSON'],
		[`"${'x'.repeat(MAX_REQUEST_BYTES)}"`, 'body is larger than 262144 bytes'],
	])('refuses %j', (input, message) => {
		expect(() => unwrapEnvelope(input)).toThrow(message)
	})
})
