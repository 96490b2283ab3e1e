import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCompletions } from '../../lib/aws/completions.ts'
import { createDynamoDb } from '../../lib/aws/dynamodb.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'

let table: EmbeddedTable
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
})
afterAll(() => table.stop())

const items = () => createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2'))

it('keeps the last completion of each instance', async () => {
	const completions = createCompletions(items(), table.tableName)
	expect(await completions.read()).toEqual([])
	await completions.record({ instance: 'KR/1', atMs: 1 })
	await completions.record({ instance: '-/2', atMs: 2 })
	await completions.record({ instance: 'KR/1', atMs: 3 })
	// An older completion, published again, changes nothing.
	await completions.record({ instance: 'KR/1', atMs: 2 })
	expect((await completions.read()).sort((a, b) => a.atMs - b.atMs)).toEqual([
		{ instance: '-/2', atMs: 2 },
		{ instance: 'KR/1', atMs: 3 },
	])
})

it('throws LEDGER_UNAVAILABLE when the table fails', async () => {
	const nowhere = createCompletions(items(), 'no-such-table')
	await expect(nowhere.read()).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
	await expect(nowhere.record({ instance: 'KR/1', atMs: 1 })).rejects.toMatchObject({
		code: 'LEDGER_UNAVAILABLE',
	})
})

it('forgets an instance, and reports whether it was known', async () => {
	const completions = createCompletions(items(), table.tableName)
	await completions.record({ instance: 'KR/9', atMs: 1 })
	expect(await completions.forget('KR/9')).toBe(true)
	expect(await completions.forget('KR/9')).toBe(false)
	expect((await completions.read()).map(({ instance }) => instance)).not.toContain('KR/9')
})
