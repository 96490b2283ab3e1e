import { SendMessageCommand } from '@aws-sdk/client-sqs'
import type { OutcomeEvent, State } from '../../lib/outcome/outcome.ts'
import { type ApiRequest, fromApiRequest } from '../../lib/request/export-request.ts'
import { toFolderPath } from '../../lib/request/folder-path.ts'
import type { Cloud } from './cloud.ts'

/** One entry of `requests.json`. `body` is sent as JSON, `text` unchanged. */
export interface SampleRequest {
	title: string
	via: 'queue' | 'webhook'
	/** The expected terminal state. */
	expect: State
	/** How often publishing its outcome fails first. */
	publishFailures?: number
	body?: Record<string, unknown>
	text?: string
}

/** Sends a sample. Returns the id of its trigger: the SQS message id, or the request id of the gateway. */
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

/** True when the event was triggered by the sample, or is about the same export. */
export function isOutcomeOf(
	{ data }: OutcomeEvent,
	sample: SampleRequest,
	triggerId: string | undefined,
): boolean {
	if (data.trigger.id === triggerId) return true
	const { request } = data
	if (request === null || sample.body === undefined) return false
	const asked = fromApiRequest(sample.body as ApiRequest)
	const found = fromApiRequest(request)
	return (
		found.product === asked.product &&
		found.instanceNo === asked.instanceNo &&
		found.bucketName === asked.bucketName &&
		found.fileName === asked.fileName &&
		found.folderPath === (asked.folderPath === undefined ? undefined : toFolderPath(asked.folderPath))
	)
}
