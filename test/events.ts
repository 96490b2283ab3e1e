import { readReply } from '../lib/ncp/read-reply.ts'
import { type OutcomeEvent, toOutcomeEvent } from '../lib/outcome/outcome.ts'
import type { ExportRequest } from '../lib/request/export-request.ts'

/** An accepted export's event with a name of its own. */
export function acceptedEvent(name: string, fields: Partial<ExportRequest> = {}): OutcomeEvent {
	return toOutcomeEvent({
		state: 'accepted',
		error: null,
		exportId: name,
		request: {
			product: 'postgresql',
			instanceNo: '1234925',
			fileName: name,
			bucketName: 'my-bucket',
			...fields,
		},
		reply: readReply({
			httpStatus: 200,
			headers: {},
			body: '<r><returnCode>0</returnCode></r>',
		}),
		attempts: 1,
		trigger: { kind: 'queue', id: `message-${name}` },
		traceparent: undefined,
		requestedAtMs: 0,
		settledAtMs: 1,
		isArrivalChecked: false,
	})
}
