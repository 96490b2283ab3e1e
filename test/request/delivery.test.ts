import { describe, expect, it } from 'vitest'
import { toDelivery } from '../../lib/request/delivery.ts'

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

const deliver = (input: unknown) => toDelivery(input, { kind: 'queue', id: 'm-1' }, { regionCode: 'KR' })

describe('toDelivery', () => {
	it('keeps the text of an unreadable request', () => {
		expect(deliver({ a: 1 }).original).toBe('{"a":1}')
		expect(deliver(undefined).original).toBe('')
	})

	it('handles an object that is too deep to stringify', () => {
		let deep: unknown = {}
		for (let n = 0; n < 100_000; n++) deep = [deep]
		expect(deliver({ fileName: deep })).toMatchObject({ original: '', error: { code: 'REQUEST_INVALID' } })
	})

	it.each([
		[{}, 'k', { request: { idempotencyKey: 'k' } }],
		[{ idempotencyKey: 'k' }, 'k', { request: { idempotencyKey: 'k' } }],
		[{ idempotencyKey: 'k' }, undefined, { request: { idempotencyKey: 'k' } }],
		[
			{ idempotencyKey: 'other' },
			'k',
			{
				error: { problems: [{ field: 'idempotencyKey', detail: 'differs from the Idempotency-Key header' }] },
			},
		],
		[
			{},
			'é',
			{
				error: {
					problems: [{ field: 'idempotencyKey', detail: 'must be 1 to 255 printable ASCII characters' }],
				},
			},
		],
		[{}, '', { error: { problems: [{ field: 'idempotencyKey' }] } }],
	])('merges the fields %j with the Idempotency-Key header %j', (fields, idempotencyKey, expected) => {
		const delivery = toDelivery(
			{ ...REQUEST, ...fields },
			{ kind: 'webhook', id: 'q' },
			{ regionCode: 'KR', idempotencyKey },
		)
		expect(delivery).toMatchObject(expected)
	})

	it.each([
		['valid', REQUEST],
		['invalid', { fileName: 1 }],
	])('keeps the trace of the envelope of a request that is %s', (kind, request) => {
		const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
		expect(deliver({ specversion: '1.0', traceparent, data: request })).toMatchObject({ kind, traceparent })
	})

	it('does not look for a key in a value that is not a request', () => {
		const delivery = toDelivery('[]', { kind: 'webhook', id: 'q' }, { regionCode: 'KR', idempotencyKey: 'k' })
		expect(delivery).toMatchObject({ kind: 'invalid', error: { code: 'REQUEST_UNREADABLE' } })
	})
})
