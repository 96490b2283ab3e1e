import { BatchWriteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCompletions } from '../../lib/aws/completions.ts'
import { createDynamoDb, type DynamoDb } from '../../lib/aws/dynamodb.ts'
import { createExportFinder } from '../../lib/aws/exports-table.ts'
import type { Completion } from '../../lib/ports.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'
import { readItems } from '../integration/table.ts'

let table: EmbeddedTable
beforeEach(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
})
afterEach(() => table.stop())

const items = () => createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2'))
const start = (dynamodb = items()) => createCompletions(dynamodb, table.tableName)

async function readPages(completions = start()): Promise<Completion[][]> {
	const pages: Completion[][] = []
	for await (const page of completions.read()) pages.push(page)
	return pages
}

async function readAll(completions = start()): Promise<Completion[]> {
	return (await readPages(completions)).flat().sort((a, b) => a.atMs - b.atMs)
}

/** The item of an earlier version, with an attribute for each instance. */
async function writeOldItem(times: Readonly<Record<string, number>>): Promise<void> {
	const attributes = Object.entries(times).map(([instance, atMs]) => [`at:${instance}`, atMs])
	const Item = { exportKey: 'completions', ...Object.fromEntries(attributes) }
	await table.client.send(new PutCommand({ TableName: table.tableName, Item }))
}

it('keeps the last completion of each instance', async () => {
	const completions = start()
	expect(await readAll()).toEqual([])
	await completions.record({ instance: 'KR/1', atMs: 1 })
	await completions.record({ instance: '-/2', atMs: 2 })
	await completions.record({ instance: 'KR/1', atMs: 3 })
	// An older completion, published again, changes nothing.
	await completions.record({ instance: 'KR/1', atMs: 2 })
	expect(await readAll()).toEqual([
		{ instance: '-/2', atMs: 2 },
		{ instance: 'KR/1', atMs: 3 },
	])
})

it('writes an item of its own for each instance, which never expires', async () => {
	await start().record({ instance: 'KR/1', atMs: 1 })
	await start().record({ instance: '-/2', atMs: 2 })
	const written = await readItems(table)
	expect(written.map(({ exportKey }) => exportKey).sort()).toEqual(['completion#-/2', 'completion#KR/1'])
	for (const item of written) expect(item).not.toHaveProperty('expiresAt')
})

it('is never found as an export', async () => {
	await start().record({ instance: 'KR/1', atMs: 1 })
	const [{ exportId } = {}] = await readItems(table)
	expect(await createExportFinder(items(), table.tableName)(String(exportId), 0)).toBeNull()
})

it('throws LEDGER_UNAVAILABLE when the table fails', async () => {
	const nowhere = createCompletions(items(), 'no-such-table')
	const unavailable = { code: 'LEDGER_UNAVAILABLE' }
	await expect(readAll(nowhere)).rejects.toMatchObject(unavailable)
	await expect(nowhere.record({ instance: 'KR/1', atMs: 1 })).rejects.toMatchObject(unavailable)
	await expect(nowhere.forget('KR/1')).rejects.toMatchObject(unavailable)
})

it('throws LEDGER_UNAVAILABLE when only the index fails', async () => {
	const dynamodb = items()
	const failing: DynamoDb = (operation, request) =>
		dynamodb(operation, operation === 'Query' ? { ...request, TableName: 'no-such-table' } : request)
	await expect(readAll(start(failing))).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
})

it('forgets an instance, and reports whether it was known', async () => {
	const completions = start()
	await completions.record({ instance: 'KR/9', atMs: 1 })
	await completions.record({ instance: 'KR/8', atMs: 2 })
	expect(await completions.forget('KR/9')).toBe(true)
	expect(await completions.forget('KR/9')).toBe(false)
	expect(await readAll()).toEqual([{ instance: 'KR/8', atMs: 2 }])
	await completions.record({ instance: 'KR/9', atMs: 3 })
	expect(await readAll()).toHaveLength(2)
})

describe('the single item of an earlier version', () => {
	it('counts where it is the newest', async () => {
		await writeOldItem({ 'KR/old': 1, 'KR/newer': 2, 'KR/older': 5 })
		await start().record({ instance: 'KR/newer', atMs: 3 })
		// An old outcome, published again.
		await start().record({ instance: 'KR/older', atMs: 4 })
		await start().record({ instance: 'KR/new', atMs: 6 })
		expect(await readAll()).toEqual([
			{ instance: 'KR/old', atMs: 1 },
			{ instance: 'KR/newer', atMs: 3 },
			{ instance: 'KR/older', atMs: 5 },
			{ instance: 'KR/new', atMs: 6 },
		])
	})

	it('forgets an instance, too', async () => {
		await writeOldItem({ 'KR/1': 1, 'KR/2': 2 })
		await start().record({ instance: 'KR/1', atMs: 3 })
		expect(await start().forget('KR/1')).toBe(true)
		expect(await start().forget('KR/2')).toBe(true)
		expect(await start().forget('KR/2')).toBe(false)
		expect(await readAll()).toEqual([])
	})

	it('is no longer written', async () => {
		await writeOldItem({ 'KR/1': 1 })
		await start().record({ instance: 'KR/1', atMs: 3 })
		const Key = { exportKey: 'completions' }
		const { Item } = await table.client.send(new GetCommand({ TableName: table.tableName, Key }))
		expect(Item).toEqual({ ...Key, 'at:KR/1': 1 })
	})
})

it('reads several pages, each instance once', async () => {
	await start().record({ instance: 'KR/0', atMs: 1 })
	const [written = {}] = await readItems(table)
	const copies = Array.from({ length: 2_500 }, (_, n) => ({
		...written,
		exportKey: String(written.exportKey).replace('KR/0', `KR/${n}`),
	}))
	for (let from = 0; from < copies.length; from += 25) {
		const puts = copies.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }))
		await table.client.send(new BatchWriteCommand({ RequestItems: { [table.tableName]: puts } }))
	}
	const pages = await readPages()
	for (const page of pages) expect(page.length).toBeLessThanOrEqual(1_000)
	expect(new Set(pages.flat().map(({ instance }) => instance)).size).toBe(2_500)
	expect(pages.flat()).toHaveLength(2_500)
})
