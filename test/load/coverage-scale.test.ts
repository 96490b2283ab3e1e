import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { expect, it } from 'vitest'
import { startCloud } from '../../tools/local/cloud.ts'
import { World } from '../integration/world.ts'

const INSTANCES = 10_000
/** The messages of so many instances are delivered, too. */
const CHECKED = 100

it('sweeps 10,000 instances within 256 MB: a call to NCP for each hundred, a message and a call for each', async () => {
	const numbers = Array.from({ length: INSTANCES }, (_, index) => String(100_000 + index))
	const cloud = await startCloud({
		isQueueIdle: true,
		arrivalDeadlineMinutes: 120,
		functionTimeoutMs: 60_000,
		simulator: {
			instances: new Map(numbers.map((no) => [no, { regionCode: 'KR', backups: new Set(['20261101']) }])),
		},
	})
	try {
		const result = await cloud.coverageFunction?.invoke({ policy: { name: 'all', bucketName: 'my-bucket' } })
		expect(result).toMatchObject({ ok: true, value: { instanceNos: numbers, missing: [] } })
		expect(cloud.ncp?.listCalls()).toBe(INSTANCES / 100)
		const { Attributes = {} } = await cloud.aws.sqs.send(
			new GetQueueAttributesCommand({
				QueueUrl: cloud.coverageQueue.url,
				AttributeNames: ['ApproximateNumberOfMessages'],
			}),
		)
		expect(Attributes.ApproximateNumberOfMessages).toBe(String(INSTANCES))
		for (let checked = 0; checked < CHECKED; ) checked += await cloud.pollOnce('coverage', 0)
		expect(cloud.ncp?.listCalls()).toBe(INSTANCES / 100 + CHECKED)
		for (const { peakBytes } of (await cloud.coverageFunction?.memory()) ?? [])
			expect(peakBytes).toBeLessThan(256 * 1024 * 1024)
	} finally {
		await cloud.stop()
	}
}, 60_000)

it('works off an instance with 2,000 backups within 256 MB, and tells of the 100 most urgent', async () => {
	const names = Array.from({ length: 2_000 }, (_, index) => `f${index}`)
	const world = await World.start({
		functionTimeoutMs: 60_000,
		simulator: { instances: new Map([['11', { regionCode: 'KR', backups: new Set(names) }]]) },
	})
	try {
		await world.cloud.coverageFunction?.invoke({
			policy: { name: 'nightly', bucketName: 'my-bucket' },
			instanceNo: '11',
		})
		await world.checkCoverage()
		const [event] = world.coverage
		expect(event?.data.counts.due).toBe(2_000)
		expect(event?.data.backups).toHaveLength(100)
		for (const { peakBytes } of (await world.cloud.coverageFunction?.memory()) ?? [])
			expect(peakBytes).toBeLessThan(256 * 1024 * 1024)
	} finally {
		await world.stop()
	}
}, 120_000)
