import { expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { startCloud } from '../../tools/local/cloud.ts'
import { readOutcomes } from '../../tools/local/outcomes.ts'

const REQUESTS = 1_000
const PARALLEL = 50

it('answers each of 1,000 requests, 50 in parallel, exactly once', async () => {
	const files = Array.from({ length: REQUESTS }, (_, n) => `f${n}`)
	const cloud = await startCloud({
		env: { LOG_LEVEL: 'CRITICAL' },
		simulator: {
			instances: new Map([['1', { regionCode: 'KR', backups: new Set(files) }]]),
			copy: async () => undefined,
		},
	})
	const published: OutcomeEvent[] = []
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event: OutcomeEvent) =>
		published.push(event),
	)
	const left = [...files]
	const answers = new Map<string, OutcomeEvent>()
	const send = async (): Promise<void> => {
		for (let fileName = left.pop(); fileName !== undefined; fileName = left.pop()) {
			const response = await fetch(`${cloud.webhookUrl}/exports`, {
				method: 'POST',
				body: JSON.stringify({ cloudPostgresqlInstanceNo: '1', fileName, bucketName: 'my-bucket' }),
				headers: { 'content-type': 'application/json' },
			})
			expect(response.status).toBe(202)
			answers.set(fileName, (await response.json()) as OutcomeEvent)
		}
	}
	try {
		await Promise.all(Array.from({ length: PARALLEL }, send))
		await cloud.quiesce()
		await reader.stop()
		const performed = cloud.ncp?.performed.map(({ fileName }) => fileName) ?? []
		expect(performed.toSorted()).toEqual(files.toSorted())
		expect(answers.size).toBe(REQUESTS)
		expect(published).toHaveLength(REQUESTS)
		expect(new Set(published.map(({ id }) => id)).size).toBe(REQUESTS)
		for (const event of published) expect(answers.get(event.data.request?.fileName ?? '')).toEqual(event)
	} finally {
		await cloud.stop()
	}
}, 90_000)
