import { CloudEvent } from 'cloudevents'
import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { readReply, toLostReply } from '../../lib/ncp/read-reply.ts'
import {
	type OutcomeEvent,
	type Settled,
	type SettledState,
	serializeEvent,
	toOutcomeEvent,
} from '../../lib/outcome/outcome.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const AT = Date.UTC(2026, 10, 23, 9, 30)

const settled = (state: SettledState, body: string, error: ExportError | null = null): Settled => {
	const reply = readReply({ httpStatus: 200, headers: { 'x-ncp-trace-id': 't-1' }, body })
	return {
		state,
		exportId: '01JD0000000000000000000000',
		request: {
			product: 'postgresql',
			instanceNo: '1234925',
			fileName: '20210528',
			bucketName: 'my-bucket',
			regionCode: 'KR',
		},
		reply,
		error,
		attempts: 1,
		trigger: { kind: 'queue', id: 'm-1' },
		traceparent: TRACE,
		requestedAtMs: AT,
		settledAtMs: AT + 250,
		isArrivalChecked: false,
	}
}
const SUCCESS =
	'<r><requestId>r-1</requestId><returnCode>0</returnCode><returnMessage>success</returnMessage></r>'
const REFUSED = '{"responseError":{"returnCode":"5001017","returnMessage":"no such instance"}}'

/** Throws unless the event is a valid CloudEvent 1.0. */
const validate = (event: OutcomeEvent) => new CloudEvent(JSON.parse(serializeEvent(event)), true).validate()

describe('toOutcomeEvent', () => {
	it('builds the documented event for an accepted export', () => {
		expect(toOutcomeEvent(settled('accepted', SUCCESS))).toEqual({
			specversion: '1.0',
			id: '01JD0000000000000000000000/accepted',
			source: '/ncp/vpostgresql/KR/1234925',
			type: 'ncp.backup.export.accepted.v1',
			subject: 'my-bucket/20210528',
			time: '2026-11-23T09:30:00.250Z',
			datacontenttype: 'application/json',
			traceparent: TRACE,
			data: {
				exportId: '01JD0000000000000000000000',
				state: 'accepted',
				terminal: true,
				request: {
					cloudPostgresqlInstanceNo: '1234925',
					fileName: '20210528',
					bucketName: 'my-bucket',
					regionCode: 'KR',
				},
				reply: {
					httpStatus: 200,
					requestId: 'r-1',
					returnCode: '0',
					returnMessage: 'success',
					traceId: 't-1',
				},
				error: null,
				object: null,
				attempts: 1,
				trigger: { kind: 'queue', id: 'm-1' },
				requestedAt: '2026-11-23T09:30:00.000Z',
				settledAt: '2026-11-23T09:30:00.250Z',
			},
		})
	})

	it('contains the envelope and code of a refusal', () => {
		const refused = settled('refused', REFUSED, new ExportError('NCP_REFUSED', 'no such instance'))
		expect(toOutcomeEvent(refused).data.error).toEqual({
			code: 'NCP_REFUSED',
			envelope: 'api',
			ncpCode: '5001017',
			message: 'no such instance',
		})
	})

	it.each([null, toLostReply(true, 'ECONNRESET')])('has no reply when none came', (reply) => {
		const error = new ExportError('NCP_UNKNOWN', 'lost')
		expect(toOutcomeEvent({ ...settled('unknown', ''), reply, error })).toMatchObject({
			type: 'ncp.backup.export.unknown.v1',
			data: { state: 'unknown', reply: null, error: { code: 'NCP_UNKNOWN', ncpCode: null } },
		})
	})

	it('omits unknown fields', () => {
		const { request, ...rest } = settled('accepted', SUCCESS)
		const { regionCode: _, ...withoutRegion } = request
		const event = toOutcomeEvent({ ...rest, request: withoutRegion, traceparent: undefined })
		expect(event.source).toBe('/ncp/vpostgresql/-/1234925')
		expect(event).not.toHaveProperty('traceparent')
		expect(event.data.request).not.toHaveProperty('regionCode')
	})

	it.each(['accepted', 'refused', 'unknown', 'exhausted'] as const)('is a valid CloudEvent: %s', (state) => {
		expect(validate(toOutcomeEvent(settled(state, REFUSED)))).toBe(true)
	})
})
