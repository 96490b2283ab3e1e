import { readFile } from 'node:fs/promises'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { runCommand } from './command.ts'
import { takeOutcomes } from './outcomes.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

let cloud: Cloud
beforeAll(async () => {
	const instances = new Map([
		['1', { regionCode: 'KR', backups: new Set(['20210528']), landing: 'plain' as const }],
	])
	cloud = await startCloud({ arrivalDeadlineMinutes: 120, simulator: { instances, copyDelayMs: 10 } })
})
afterAll(() => cloud.stop())

it('stands in docs/pipelines.md as it is in docs/consumer.ts', async () => {
	expect(await read('docs/pipelines.md')).toContain(`\`\`\`ts\n${await read('docs/consumer.ts')}\`\`\``)
})

it('handles each outcome of the topic once, and asks again only for what it cannot read', async () => {
	const request = { cloudPostgresqlInstanceNo: '1', fileName: '20210528', bucketName: 'my-bucket' }
	for (const body of [
		request,
		{ ...request, cloudPostgresqlInstanceNo: '9', folderPath: '9/' },
		{ fileName: 1 },
	])
		await cloud.aws.sqs.send(
			new SendMessageCommand({ QueueUrl: cloud.requestQueue.url, MessageBody: JSON.stringify(body) }),
		)
	const ended: OutcomeEvent[] = []
	while (ended.length < 3) {
		const events = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		// As the filter policy does.
		ended.push(...events.filter(({ data }) => data.terminal))
	}
	const records = ended.map((event, index) => ({ messageId: `m-${index}`, body: JSON.stringify(event) }))
	const batches = [
		{ Records: [...records, { messageId: 'odd', body: 'no event' }] },
		{ Records: records.map((record) => ({ ...record, messageId: 'again' })) },
	]
	const { code, output, errors } = await runCommand('test/integration/run-consumer.ts', [], {
		input: JSON.stringify(batches),
	})
	expect({ code, errors }).toEqual({ code: 0, errors: '' })
	const lines = output.split('\n')
	expect(lines.slice(0, 3).sort()).toEqual([
		expect.stringMatching(/^a request ended rejected: cloudPostgresqlInstanceNo is required/),
		expect.stringMatching(/^my-bucket\/20210528 is there: 20 bytes$/),
		expect.stringMatching(/^my-bucket\/9\/20210528 ended refused: /),
	])
	expect(lines.slice(3).map((line) => JSON.parse(line))).toEqual([
		{ batchItemFailures: [{ itemIdentifier: 'odd' }] },
		{ batchItemFailures: [] },
	])
})
