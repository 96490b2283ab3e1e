import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestInvalid } from '../../lib/errors.ts'
import { parseExportRequest, toApiRequest } from '../../lib/request/export-request.ts'
import { unwrapEnvelope } from '../../lib/request/unwrap-envelope.ts'

const request = fc.record(
	{
		cloudPostgresqlInstanceNo: fc.stringMatching(/^\d{1,20}$/),
		fileName: fc.stringMatching(/^[a-zA-Z0-9._-]{1,255}$/),
		bucketName: fc.stringMatching(/^[a-z][a-z0-9.-]{2,62}$/),
		regionCode: fc.stringMatching(/^[A-Z]{2,8}$/),
		responseFormatType: fc.constantFrom('xml' as const, 'json' as const),
		idempotencyKey: fc.stringMatching(/^[!-~]{1,255}$/),
	},
	{ requiredKeys: ['cloudPostgresqlInstanceNo', 'fileName', 'bucketName'] },
)

const WRAPPINGS: Readonly<Record<string, (value: unknown) => unknown>> = {
	sns: (value) => ({ Type: 'Notification', MessageId: 'm', TopicArn: 't', Message: JSON.stringify(value) }),
	eventBridge: (value) => ({ version: '0', id: 'e', 'detail-type': 'backup', source: 's', detail: value }),
	cloudEvent: (value) => ({ specversion: '1.0', id: 'c', type: 't', source: 's', data: value }),
}
const wrapping = fc.constantFrom(...Object.keys(WRAPPINGS))
const wrap = (names: string[], value: unknown) =>
	names.reduce((inner, name) => WRAPPINGS[name]?.(inner), value)

describe('a wrapped request', () => {
	it('is the same after unwrapping any two envelopes, as text and as an object', () => {
		fc.assert(
			fc.property(request, fc.array(wrapping, { maxLength: 2 }), (value, names) => {
				const wrapped = wrap(names, value)
				const parse = (input: unknown) => toApiRequest(parseExportRequest(unwrapEnvelope(input).value))
				expect(parse(wrapped)).toEqual(value)
				expect(parse(JSON.stringify(wrapped))).toEqual(value)
			}),
		)
	})

	it('is refused in three envelopes', () => {
		fc.assert(
			fc.property(request, fc.array(wrapping, { minLength: 3, maxLength: 3 }), (value, names) => {
				expect(() => unwrapEnvelope(wrap(names, value))).toThrow('wrapped more than 2 times')
			}),
		)
	})

	it('is parsed or refused with an error code, whatever the input', () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), fc.string(), fc.json()), (value) => {
				try {
					parseExportRequest(unwrapEnvelope(value).value)
				} catch (error) {
					expect(error).toBeInstanceOf(RequestInvalid)
				}
			}),
			{ numRuns: 1_000 },
		)
	})
})
