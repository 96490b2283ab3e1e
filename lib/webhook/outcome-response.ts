import type { Entry } from '../ledger/ledger.ts'
import { type OutcomeEvent, serializeEvent } from '../outcome/outcome.ts'
import type { HttpResponse } from './gateway-event.ts'
import { toProblemResponse } from './problem.ts'

/** 422 for an export that was refused or whose retries are used up, 202 for every other outcome. */
export function toOutcomeResponse(event: OutcomeEvent): HttpResponse {
	const location = `/exports/${event.data.exportId}`
	const { error, state } = event.data
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

/** 202 for a request that is on the queue. Only its id is known so far. */
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

/** What is known of an export: its latest outcome event, or that there is none yet. */
export function toLookupResponse(exportId: string, entry: Entry | null): HttpResponse {
	if (entry === null) {
		const detail = 'There is no export with this id, or no longer.'
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
