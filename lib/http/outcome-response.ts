import type { OutcomeEvent } from '../outcome.ts'
import { serializeEvent } from '../outcome.ts'
import type { HttpResponse } from './event-formats.ts'
import { toProblemResponse } from './problem.ts'

/** 202 for what is under way or may be; 422 for what NCP will not do. */
export function toOutcomeResponse(event: OutcomeEvent): HttpResponse {
	const location = `/exports/${event.data.exportId}`
	const { error, state } = event.data
	if (state === 'refused' && error !== null) {
		return toProblemResponse({ status: 422, code: error.code, detail: error.message, instance: location })
	}
	return {
		status: 202,
		headers: { 'content-type': 'application/cloudevents+json', location },
		body: serializeEvent(event),
	}
}
