import { SendMessageCommand } from '@aws-sdk/client-sqs'
import type { OutcomeEvent, State } from '../../lib/outcome/outcome.ts'
import type { Cloud } from './cloud.ts'

/** One entry of `requests.json`: `body` is sent as JSON, `text` as it is. */
export interface SampleRequest {
	title: string
	via: 'queue' | 'webhook'
	/** The terminal state it must end in. */
	expect: State
	/** How often the topic fails to take its outcome. */
	publishFailures?: number
	body?: Record<string, unknown>
	text?: string
}

/** Sends a sample and returns the id its trigger knows it by. */
export async function sendSample(
	{ aws, requestQueue, webhookUrl }: Cloud,
	sample: SampleRequest,
): Promise<string> {
	const text = sample.text ?? JSON.stringify(sample.body)
	if (sample.via === 'queue') {
		const { MessageId = '' } = await aws.sqs.send(
			new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody: text }),
		)
		return MessageId
	}
	const response = await fetch(`${webhookUrl}/exports`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: text,
	})
	await response.arrayBuffer()
	return response.headers.get('apigw-requestid') ?? ''
}

/** True when the event is about the sample: set off by it, or about the same export. */
export function isOutcomeOf(
	{ subject, data }: OutcomeEvent,
	sample: SampleRequest,
	triggerId: string | undefined,
): boolean {
	if (data.trigger.id === triggerId) return true
	const { cloudPostgresqlInstanceNo, bucketName, fileName } = sample.body ?? {}
	return (
		data.request?.cloudPostgresqlInstanceNo === cloudPostgresqlInstanceNo &&
		subject === `${bucketName}/${fileName}`
	)
}
