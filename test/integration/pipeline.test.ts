import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { takeOutcomes } from './outcomes.ts'

let cloud: Cloud
beforeAll(async () => {
	cloud = await startCloud({
		simulator: { fault: ({ fileName }) => (fileName === '20210530' ? 'throttle' : undefined) },
	})
})
afterAll(() => cloud.stop())

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const invoke = (event: unknown) => cloud.functions['on-pipeline-event'].invoke(event, 'invocation-1')

describe('a pipeline event', () => {
	it.each([
		['a direct invocation', REQUEST, 'invocation-1'],
		[
			'an EventBridge event',
			{
				version: '0',
				id: 'eb-1',
				'detail-type': 't',
				source: 's',
				detail: { ...REQUEST, fileName: '20210529' },
			},
			'eb-1',
		],
		[
			'an SNS invocation',
			{
				Records: [
					{
						EventSource: 'aws:sns',
						Sns: {
							Type: 'Notification',
							MessageId: 'sns-1',
							Message: JSON.stringify({ ...REQUEST, idempotencyKey: 'mine' }),
						},
					},
				],
			},
			'sns-1',
		],
	])('returns the published outcome to %s', async (_name, event, triggerId) => {
		const result = await invoke(event)
		expect(result).toMatchObject({
			ok: true,
			value: { data: { state: 'accepted', trigger: { kind: 'pipeline', id: triggerId } } },
		})
		const published = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		expect(published).toEqual([(result as { value: unknown }).value])
	})

	it('throws an error named RequestInvalid for an invalid request', async () => {
		expect(await invoke({ ...REQUEST, bucketName: 'X' })).toMatchObject({
			ok: false,
			errorType: 'RequestInvalid',
			errorMessage: expect.stringContaining('bucketName'),
		})
	})

	it('returns the stored outcome of an export that is asked for by its id, and publishes nothing', async () => {
		const first = (await invoke({ ...REQUEST, folderPath: 'lookup' })) as { value: OutcomeEvent }
		await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		expect(await invoke({ exportId: first.value.data.exportId })).toEqual({ ok: true, value: first.value })
		expect(await invoke({ exportId: '01JD0000000000000000000000' })).toMatchObject({
			ok: false,
			errorType: 'ExportNotFound',
		})
		// The next outcome on the topic is that of the next request.
		const next = (await invoke({ ...REQUEST, folderPath: 'next' })) as { value: OutcomeEvent }
		expect(await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)).toEqual([next.value])
	})

	it('throws an error named ExportRetryable for a retryable failure', async () => {
		expect(await invoke({ ...REQUEST, fileName: '20210530' })).toMatchObject({
			ok: false,
			errorType: 'ExportRetryable',
		})
	})

	it('returns a refusal, so that the pipeline’s next step decides', async () => {
		expect(await invoke({ ...REQUEST, cloudPostgresqlInstanceNo: '9', fileName: '20210601' })).toMatchObject({
			ok: true,
			value: { data: { state: 'refused' } },
		})
	})
})
