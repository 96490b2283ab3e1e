import { hash } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { createCompletions } from '../../lib/aws/completions.ts'
import { createDynamoDb } from '../../lib/aws/dynamodb.ts'
import { startCloud } from '../../tools/local/cloud.ts'
import { callLocal } from '../call-local.ts'
import { readItems } from '../integration/table.ts'

const INSTANCES = 20_000
const MINUTE_MS = 60_000

/**
 * The embedded DynamoDB tells items with the same key of an index apart by 24 bits of a hash alone, and its index would
 * lose a dozen of 20,000. DynamoDB itself does not: so instances whose bits differ.
 */
function createInstances(): string[] {
	const instances = new Map<string, string>()
	for (let n = 0; instances.size < INSTANCES; n++) {
		const bits = hash('md5', `Outlierscompletion#KR/${n}`).slice(0, 6)
		if (!instances.has(bits)) instances.set(bits, `KR/${n}`)
	}
	return [...instances.values()]
}

/** Calls `work` for each item, 50 at a time. */
async function forEach<Item>(items: Iterable<Item>, work: (item: Item) => Promise<unknown>): Promise<void> {
	const iterator = Iterator.from(items)
	const worker = async () => {
		for (const item of iterator) await work(item)
	}
	await Promise.all(Array.from({ length: 50 }, worker))
}

it('completes 20,000 instances, each in a small item, and reports them within 256 MB', async () => {
	const lines: string[] = []
	const cloud = await startCloud({
		isQueueIdle: true,
		arrivalDeadlineMinutes: 120,
		functionTimeoutMs: 25_000,
		onLine: (line) => lines.push(line),
	})
	try {
		const { table } = cloud
		const dynamodb = createDynamoDb(callLocal('dynamodb', table.endpoint, cloud.aws.region))
		const completions = createCompletions(dynamodb, table.tableName)
		const atMs = Date.now() - 5 * MINUTE_MS
		const instances = createInstances()
		await forEach(instances, (instance) => completions.record({ instance, atMs }))
		const items = await readItems(table)
		expect(items).toHaveLength(INSTANCES)
		// In JSON an item is longer than in the table.
		expect(Math.max(...items.map((item) => JSON.stringify(item).length))).toBeLessThan(4_096)

		expect(await cloud.arrivalFunction?.invoke({ source: 'aws.events' })).toMatchObject({ ok: true })
		const [memory] = (await cloud.arrivalFunction?.memory()) ?? []
		expect(memory?.peakBytes).toBeLessThan(256 * 1024 * 1024)
		await vi.waitFor(() => expect(lines.at(-1)).toContain('OldestCompletionMinutes'), 5_000)
		const reports = lines.map((line) => JSON.parse(line))
		expect(reports.at(-1)).toMatchObject({ OldestCompletionMinutes: 5 })
		const reported = reports.filter((report) => report.MinutesSinceCompleted === 5)
		expect(reported).toHaveLength(INSTANCES)
		expect(new Set(reported.map(({ instance }) => instance)).size).toBe(INSTANCES)
	} finally {
		await cloud.stop()
	}
}, 60_000)
