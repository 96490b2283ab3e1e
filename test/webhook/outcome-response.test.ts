import { describe, expect, it } from 'vitest'
import type { Entry } from '../../lib/ledger/ledger.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { toLookupResponse, toOutcomeResponse } from '../../lib/webhook/outcome-response.ts'
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

describe('toLookupResponse', () => {
	it.each([
		['waiting', 'queued'],
		['claimed', 'in-progress'],
	])('reports an export that is %s, and has no outcome yet, as %s', (state, word) => {
		const response = toLookupResponse('e-1', { state, event: null } as Entry)
		expect(response).toMatchObject({ status: 200, body: JSON.stringify({ exportId: 'e-1', state: word }) })
	})
})
