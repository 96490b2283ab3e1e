import { isRecord } from '../export-request.ts'

export interface PipelineEvent {
	input: unknown
	/** The event's own id where it has one, so that a repeated delivery is known as one; else the invocation's. */
	id: string
}

/** Direct invocations, EventBridge, Step Functions and CloudEvents as they are; an SNS invocation's one notification. */
export function readPipelineEvent(event: unknown, requestId: string): PipelineEvent {
	if (!isRecord(event)) return { input: event, id: requestId }
	// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html: always exactly one record.
	const [record, ...more] = Array.isArray(event.Records) ? event.Records : []
	if (isRecord(record) && isRecord(record.Sns) && more.length === 0) {
		return { input: record.Sns, id: toId(record.Sns.MessageId, requestId) }
	}
	const isWrapped = Object.hasOwn(event, 'detail') || Object.hasOwn(event, 'specversion')
	return { input: event, id: isWrapped ? toId(event.id, requestId) : requestId }
}

function toId(value: unknown, fallback: string): string {
	return typeof value === 'string' && value !== '' && value.length <= 200 ? value : fallback
}
