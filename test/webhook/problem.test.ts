import { describe, expect, it } from 'vitest'
import { ExportError, RequestInvalid, toExportError } from '../../lib/errors.ts'
import { toErrorResponse, toProblemResponse, toUnsupportedResponse } from '../../lib/webhook/problem.ts'

describe('toErrorResponse', () => {
	it.each([
		['REQUEST_UNREADABLE', 400],
		['REQUEST_INVALID', 422],
		['IDEMPOTENCY_MISMATCH', 422],
		['DESTINATION_TAKEN', 409],
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

	it('says what is in conflict, when it is not an export in progress', () => {
		const titleOf = (error: ExportError) => JSON.parse(toErrorResponse(error, '/exports').body).title
		expect(titleOf(new RequestInvalid([], 'DESTINATION_TAKEN'))).toBe('The destination is taken')
		expect(titleOf(new ExportError('IN_PROGRESS', ''))).toBe('In progress')
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
