import { randomUUID } from 'node:crypto'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import type { Cloud } from '../cloud.ts'

export const WAYS = ['queue', 'webhook', 'pipeline'] as const

export type Way = (typeof WAYS)[number]

/** What came back at once; the outcomes come by the topic. */
export interface SentRequest {
	/** Of the trigger, as outcomes and log lines name it. */
	triggerId: string
	/** One sentence. */
	answer: string
	/** What the webhook or the function answered; null for the queue, which answers nothing. */
	body: unknown
}

/** Sends a text as it is, valid or not. `secret` signs a webhook call; null leaves it unsigned. */
export async function sendRequest(
	text: string,
	way: Way,
	cloud: Cloud,
	secret: string | null,
): Promise<SentRequest> {
	switch (way) {
		case 'queue': {
			const command = new SendMessageCommand({ QueueUrl: cloud.requestQueue.url, MessageBody: text })
			const { MessageId = '' } = await cloud.aws.sqs.send(command)
			return { triggerId: MessageId, answer: `On the queue, as message ${MessageId}.`, body: null }
		}
		case 'webhook':
			return callWebhook(text, cloud.webhookUrl, secret)
		case 'pipeline':
			return invoke(text, cloud)
	}
}

async function callWebhook(text: string, url: string, secret: string | null): Promise<SentRequest> {
	const response = await fetch(`${url}/exports`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', ...(secret === null ? {} : await sign(text, secret)) },
		body: text,
	})
	const body = parse(await response.text())
	const triggerId = response.headers.get('apigw-requestid') ?? ''
	const hint = response.status >= 500 ? ' Nothing delivers a webhook call again: send it again yourself.' : ''
	return { triggerId, answer: `The webhook answered ${response.status}.${hint}`, body }
}

async function sign(text: string, secret: string): Promise<Record<string, string>> {
	const { Webhook } = await import('standardwebhooks')
	const [id, date] = [randomUUID(), new Date()]
	return {
		'webhook-id': id,
		'webhook-timestamp': String(Math.floor(date.getTime() / 1000)),
		'webhook-signature': new Webhook(secret).sign(id, date, text),
	}
}

async function invoke(text: string, { functions }: Cloud): Promise<SentRequest> {
	const triggerId = randomUUID()
	const result = await functions['on-pipeline-event'].invoke(parse(text), triggerId)
	if (result.ok) return { triggerId, answer: 'The function returned the outcome.', body: result.value }
	const { errorType, errorMessage } = result
	return { triggerId, answer: `The function threw ${errorType}: ${errorMessage}`, body: null }
}

/** What is no JSON is passed on as the text that it is. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return text
	}
}
