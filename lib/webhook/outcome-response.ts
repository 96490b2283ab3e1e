import type { Entry } from '../ledger/ledger.ts'
import { type OutcomeEvent, serializeEvent } from '../outcome/outcome.ts'
import { toRequestInvalid } from '../outcome/rejected-outcome.ts'
import type { HttpResponse } from './gateway-event.ts'
import { toErrorResponse, toProblemResponse } from './problem.ts'

/** 202 for what is under way or may be; 400 and 422 for what is invalid, refused or used up. */
export function toOutcomeResponse(event: OutcomeEvent): HttpResponse {
	const location = `/exports/${event.data.exportId}`
	const { error, state } = event.data
	const invalid = toRequestInvalid(event)
	if (invalid !== null) return toErrorResponse(invalid, '/exports')
	if ((state === 'refused' || state === 'exhausted') && error !== null) {
		const { code, message, ncpCode, envelope } = error
		const title = state === 'refused' ? 'NCP refused the export' : 'Retries are used up'
		return toProblemResponse({
			status: 422,
			title,
			code,
			detail: message,
			instance: location,
			ncpCode,
			envelope,
		})
	}
	return {
		status: 202,
		headers: { 'content-type': 'application/cloudevents+json', location },
		body: serializeEvent(event),
	}
}

/** 202 for a request that is on the queue: all that is known yet is its id. */
export function toQueuedResponse(exportId: string): HttpResponse {
	return {
		status: 202,
		headers: {
			'content-type': 'application/json',
			location: `/exports/${exportId}`,
			'preference-applied': 'respond-async',
		},
		body: JSON.stringify({ exportId, state: 'queued' }),
	}
}

/** What is known of an export: its latest outcome event, or that it has none yet. */
export function toLookupResponse(exportId: string, entry: Entry | null): HttpResponse {
	if (entry === null) {
		const detail = 'There is no export with this id, or none any more.'
		return toProblemResponse({ status: 404, code: 'NOT_FOUND', detail, instance: `/exports/${exportId}` })
	}
	const { event } = entry
	const state = entry.state === 'claimed' ? 'in-progress' : 'queued'
	return event === null
		? {
				status: 200,
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ exportId, state }),
			}
		: {
				status: 200,
				headers: { 'content-type': 'application/cloudevents+json' },
				body: serializeEvent(event),
			}
}
