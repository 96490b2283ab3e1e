import { describe, expect, it } from 'vitest'
import { ExportError, RequestInvalid, toExportError } from '../../lib/errors.ts'
import type { Entry } from '../../lib/ledger/ledger.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { toLookupResponse, toOutcomeResponse } from '../../lib/webhook/outcome-response.ts'
import { toErrorResponse, toProblemResponse, toUnsupportedResponse } from '../../lib/webhook/problem.ts'
import { acceptedEvent } from '../events.ts'

describe('toOutcomeResponse', () => {
	it('answers 202 with the event and where to find it', () => {
		const event = acceptedEvent('e-1')
		const response = toOutcomeResponse(event)
		expect(response).toMatchObject({ status: 202, headers: { location: '/exports/e-1' } })
		expect(JSON.parse(response.body)).toEqual(event)
	})

	it.each(['refused', 'exhausted'] as const)('answers 422 when the export was %s', (state) => {
		const event = acceptedEvent('e-1')
		const refused: OutcomeEvent = {
			...event,
			data: {
				...event.data,
				state,
				error: { code: 'NCP_REFUSED', envelope: 'api', ncpCode: '5001017', message: 'none' },
			},
		}
		expect(toOutcomeResponse(refused)).toMatchObject({
			status: 422,
			body: expect.stringContaining('NCP_REFUSED'),
		})
	})
})

describe('toErrorResponse', () => {
	it.each([
		['REQUEST_UNREADABLE', 400],
		['REQUEST_INVALID', 422],
		['IDEMPOTENCY_MISMATCH', 422],
	] as const)('answers %s with %i and names the fields', (code, status) => {
		const response = toErrorResponse(
			new RequestInvalid([{ field: 'body', detail: 'is bad' }], code),
			'/exports',
		)
		expect(response.status).toBe(status)
		expect(JSON.parse(response.body)).toMatchObject({
			code,
			errors: [{ field: 'body', detail: 'is bad' }],
			retryable: false,
		})
	})

	it.each(['NCP_LATER', 'NCP_CREDENTIALS', 'PUBLISH_FAILED', 'DEADLINE_NEAR'] as const)(
		'answers %s with 503 and Retry-After',
		(code) => {
			const response = toErrorResponse(
				new ExportError(code, 'inner words', { retryAfterSeconds: 7 }),
				'/exports',
			)
			expect(response).toMatchObject({ status: 503, headers: { 'retry-after': '7' } })
			expect(response.body).not.toContain('inner words')
			expect(toErrorResponse(new ExportError(code, ''), '/').headers['retry-after']).toBe('30')
		},
	)

	it('answers 400 to an event that is not a known HTTP request format', () => {
		expect(toUnsupportedResponse()).toMatchObject({
			status: 400,
			body: expect.stringContaining('EVENT_UNSUPPORTED'),
		})
	})

	it('answers 409 while another delivery is in progress', () => {
		expect(toErrorResponse(new ExportError('IN_PROGRESS', ''), '/exports').status).toBe(409)
	})

	it('does not reveal an unexpected error', () => {
		const response = toErrorResponse(toExportError(new TypeError('swordfish')), '/exports')
		expect(response.status).toBe(500)
		expect(response.body).not.toMatch(/swordfish|TypeError/)
	})

	it('has a title for a status without one', () => {
		expect(
			JSON.parse(toProblemResponse({ status: 418, code: 'TEA', detail: '', instance: '/' }).body).title,
		).toBe('Error')
	})
})

describe('toLookupResponse', () => {
	it.each([
		['waiting', 'queued'],
		['claimed', 'in-progress'],
	])('reports an export that is %s, and has no outcome yet, as %s', (state, word) => {
		const response = toLookupResponse('e-1', { state, event: null } as Entry)
		expect(response).toMatchObject({ status: 200, body: JSON.stringify({ exportId: 'e-1', state: word }) })
	})
})
