import { isRecord } from '../formats/json.ts'

export interface PipelineEvent {
	input: unknown
	/** The event's own id, so that a repeated delivery is recognised; the invocation's where the event has none. */
	id: string
	/** When the event was made, by its own account, milliseconds since the epoch: the same for each delivery. */
	sentAtMs: number | undefined
}

/** Reads direct invocations, EventBridge, Step Functions, CloudEvents, and the one notification of an SNS invocation. */
export function readPipelineEvent(event: unknown, requestId: string): PipelineEvent {
	if (!isRecord(event)) return { input: event, id: requestId, sentAtMs: undefined }
	// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html: always exactly one record.
	const [record, ...more] = Array.isArray(event.Records) ? event.Records : []
	if (isRecord(record) && isRecord(record.Sns) && more.length === 0) {
		const { MessageId, Timestamp } = record.Sns
		return { input: record.Sns, id: toId(MessageId) ?? requestId, sentAtMs: toTime(Timestamp) }
	}
	if (Object.hasOwn(event, 'detail')) {
		return { input: event, id: toId(event.id) ?? requestId, sentAtMs: toTime(event.time) }
	}
	if (Object.hasOwn(event, 'specversion')) {
		const id = toId(event.id)
		// A CloudEvent's id is unique only within its source.
		return {
			input: event,
			id: id === null ? requestId : `${String(event.source)}#${id}`,
			sentAtMs: toTime(event.time),
		}
	}
	return { input: event, id: requestId, sentAtMs: undefined }
}

function toId(value: unknown): string | null {
	return typeof value === 'string' && value !== '' && value.length <= 200 ? value : null
}

function toTime(value: unknown): number | undefined {
	const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
	return Number.isNaN(ms) ? undefined : ms
}

/** The id of the export that an event asks for, and nothing else; null for any other event. */
export function readLookup(event: unknown): string | null {
	if (!isRecord(event) || typeof event.exportId !== 'string') return null
	return Object.keys(event).length === 1 ? event.exportId : null
}
