import { CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestInvalid } from '../../lib/errors.ts'
import { type OutcomeEvent, serializeEvent } from '../../lib/outcome/outcome.ts'
import { toRejectedEvent } from '../../lib/outcome/rejected-outcome.ts'
import { toInvalid } from '../../lib/request/delivery.ts'

const AT = Date.UTC(2026, 10, 23, 9, 30)

const rejected = (original: string, problems = [{ field: 'fileName', detail: 'is required' }]) =>
	toRejectedEvent(
		toInvalid(
			{
				kind: 'valid',
				request: {
					product: 'postgresql',
					instanceNo: '1234925',
					fileName: '20210528',
					bucketName: 'my-bucket',
				},
				original,
				trigger: { kind: 'queue', id: 'm-1' },
				traceparent: undefined,
				isLast: false,
				isRedriven: false,
				coveragePolicy: undefined,
				sentAtMs: undefined,
			},
			new RequestInvalid(problems),
		),
		AT,
	)

/** Throws unless the event is a valid CloudEvent 1.0. */
const validate = (event: OutcomeEvent) => new CloudEvent(JSON.parse(serializeEvent(event)), true).validate()

describe('toRejectedEvent', () => {
	it('contains the original and the problems, with an id derived from the trigger', () => {
		const event = rejected('{"a":1}')
		expect(event).toMatchObject({
			id: 'm-1/rejected',
			source: '/ncp/vpostgresql',
			data: { exportId: null, request: null, terminal: true, original: '{"a":1}', originalTruncated: false },
		})
		expect(event.data.error?.problems).toEqual([{ field: 'fileName', detail: 'is required' }])
		expect(validate(event)).toBe(true)
	})

	it('cuts the original at 64 KiB without splitting a character', () => {
		const { original = '', originalTruncated } = rejected('가'.repeat(100_000)).data
		expect(originalTruncated).toBe(true)
		expect(Buffer.byteLength(original)).toBe(65_535)
	})

	it('never exceeds 200 KiB or contains a character that SNS refuses', () => {
		const character = fc.constantFrom('\u0000', '"', '\uFFFF', '\uFFFE', '가', 'x', '\uD800')
		fc.assert(
			fc.property(character, fc.integer({ min: 1, max: 256 * 1024 }), (unit, length) => {
				const event = rejected(unit.repeat(length))
				const text = serializeEvent(event)
				expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200 * 1024)
				expect(text).not.toMatch(/[\uFFFE\uFFFF]/)
				expect(text.isWellFormed()).toBe(true)
				expect(JSON.parse(text)).toEqual(event)
			}),
			{ numRuns: 40 },
		)
	})
})
