import { type OutcomeEvent, serializeEvent } from '../outcome.ts'
import { toRequestInvalid } from '../rejected.ts'
import type { HttpResponse } from './event-formats.ts'
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
