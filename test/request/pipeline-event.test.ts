import { expect, it } from 'vitest'
import { readPipelineEvent } from '../../lib/request/pipeline-event.ts'

const sns = { Type: 'Notification', MessageId: 'sns-1', Message: '{}' }

it.each([
	['a direct invocation', { fileName: 'x', id: 'no' }, { id: 'invocation' }],
	['an EventBridge event', { id: 'eb-1', detail: {} }, { id: 'eb-1' }],
	[
		'a CloudEvent',
		{ specversion: '1.0', source: '/a', id: 'ce-1', time: '2026-11-23T00:00:00Z', data: {} },
		{ id: '/a#ce-1', sentAtMs: Date.UTC(2026, 10, 23) },
	],
	['a CloudEvent without an id', { specversion: '1.0', data: {} }, { id: 'invocation', sentAtMs: undefined }],
	['an event without a usable id', { id: 7, detail: {} }, { id: 'invocation' }],
	['an event with a very long id', { id: 'x'.repeat(201), detail: {} }, { id: 'invocation' }],
	['an SNS invocation', { Records: [{ EventSource: 'aws:sns', Sns: sns }] }, { id: 'sns-1', input: sns }],
	['two SNS records, which SNS never sends', { Records: [{ Sns: sns }, { Sns: sns }] }, { id: 'invocation' }],
	['records of another service', { Records: [{ s3: {} }] }, { id: 'invocation' }],
	['a text', 'text', { id: 'invocation', input: 'text' }],
])('recognises %s', (_name, event, expected) => {
	expect(readPipelineEvent(event, 'invocation')).toMatchObject(expected)
})
