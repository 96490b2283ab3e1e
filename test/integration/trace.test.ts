import {
	DeleteMessageCommand,
	type MessageAttributeValue,
	ReceiveMessageCommand,
	SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { createLines } from './lines.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

let cloud: Cloud
const { all: lines, take, until } = createLines()
beforeAll(async () => {
	cloud = await startCloud({
		arrivalDeadlineMinutes: 1,
		onLine: take,
		simulator: {
			instances: new Map([['1', { regionCode: 'KR', backups: new Set(Object.keys(TRIGGERS)) }]]),
		},
	})
})
afterAll(() => cloud.stop())

const toRequest = (fileName: string) => ({
	cloudPostgresqlInstanceNo: '1',
	fileName,
	bucketName: 'my-bucket',
})

async function post(fileName: string, headers: Record<string, string> = {}): Promise<void> {
	const response = await fetch(`${cloud.webhookUrl}/exports`, {
		method: 'POST',
		body: JSON.stringify(toRequest(fileName)),
		headers: { 'content-type': 'application/json', traceparent: TRACE, ...headers },
	})
	expect(response.status).toBe(202)
}

/** Every trigger, by the name of the file that it requests. */
const TRIGGERS: Readonly<Record<string, (fileName: string) => Promise<unknown>>> = {
	queue: (fileName) =>
		cloud.aws.sqs.send(
			new SendMessageCommand({
				QueueUrl: cloud.requestQueue.url,
				MessageBody: JSON.stringify(toRequest(fileName)),
				MessageAttributes: { traceparent: { DataType: 'String', StringValue: TRACE } },
			}),
		),
	webhook: (fileName) => post(fileName),
	'respond-async': (fileName) => post(fileName, { prefer: 'respond-async' }),
	'cloud-event': (fileName) =>
		cloud.functions['on-pipeline-event'].invoke({
			specversion: '1.0',
			id: 'c-1',
			source: 's',
			type: 't',
			traceparent: TRACE,
			data: toRequest(fileName),
		}),
	sns: (fileName) =>
		cloud.functions['on-pipeline-event'].invoke({
			Records: [
				{
					Sns: {
						Type: 'Notification',
						MessageId: 'sns-1',
						Message: JSON.stringify(toRequest(fileName)),
						MessageAttributes: { traceparent: { Type: 'String', Value: TRACE } },
					},
				},
			],
		}),
}

interface Published {
	event: OutcomeEvent
	attributes: Record<string, MessageAttributeValue>
}

/** Takes outcomes until each export has arrived. */
async function takeAll(count: number): Promise<Published[]> {
	const all: Published[] = []
	while (all.filter(({ event }) => event.data.terminal).length < count) {
		const { Messages = [] } = await cloud.aws.sqs.send(
			new ReceiveMessageCommand({
				QueueUrl: cloud.outcomeQueue.url,
				WaitTimeSeconds: 15,
				MaxNumberOfMessages: 10,
				MessageAttributeNames: ['All'],
			}),
		)
		if (Messages.length === 0) throw new Error(`only ${all.length} outcomes came`)
		for (const { Body = '', MessageAttributes = {}, ReceiptHandle } of Messages) {
			all.push({ event: JSON.parse(Body) as OutcomeEvent, attributes: MessageAttributes })
			await cloud.aws.sqs.send(new DeleteMessageCommand({ QueueUrl: cloud.outcomeQueue.url, ReceiptHandle }))
		}
	}
	return all
}

it('carries the trace from every trigger into every outcome, its attributes and the log', async () => {
	const names = Object.keys(TRIGGERS)
	for (const name of names) await TRIGGERS[name]?.(name)
	const all = await takeAll(names.length)
	for (const name of names) {
		const own = all.filter(({ event }) => event.data.request?.fileName === name)
		expect(own.map(({ event }) => event.data.state)).toEqual(['accepted', 'completed'])
		for (const { event, attributes } of own) {
			expect(event.traceparent).toBe(TRACE)
			expect(attributes.traceparent?.StringValue).toBe(TRACE)
			// SNS drops a message with more attributes on raw delivery to a queue.
			expect(Object.keys(attributes).length).toBeLessThanOrEqual(10)
		}
		const isLogged = (message: string): boolean =>
			lines.some((line) => line.includes(TRACE) && line.includes(`"${name}"`) && line.includes(message))
		await until(() => isLogged('export accepted') && isLogged('export completed'))
	}
})
