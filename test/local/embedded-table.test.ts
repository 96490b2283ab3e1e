import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedTable, startEmbeddedTable, type TableWrite } from '../../tools/local/embedded-table.ts'

const writes: TableWrite[] = []
let table: EmbeddedTable
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2', (write) => writes.push(write))
})
afterAll(() => table.stop())

const ITEM = { exportKey: 'k', exportId: 'i', attempts: 1, waitsFor: null, isLast: false }
const put = (condition?: string) =>
	table.client.send(
		new PutCommand({
			TableName: table.tableName,
			Item: ITEM,
			...(condition ? { ConditionExpression: condition } : {}),
		}),
	)

it('reports what is put and deleted, when it has been done', async () => {
	await put('attribute_not_exists(exportKey)')
	await expect(put('attribute_not_exists(exportKey)')).rejects.toThrow('conditional')
	await table.client.send(new DeleteCommand({ TableName: table.tableName, Key: { exportKey: 'k' } }))
	expect(writes).toEqual([
		{ exportKey: 'k', item: ITEM },
		{ exportKey: 'k', item: null },
	])
})

it('fails every call while it is down, and does none of them', async () => {
	writes.length = 0
	table.setDown(true)
	await expect(put()).rejects.toThrow('told to fail')
	table.setDown(false)
	const key = { TableName: table.tableName, Key: { exportKey: 'k' } }
	await expect(
		table.client.send(
			new UpdateCommand({
				...key,
				UpdateExpression: 'SET attempts = :a',
				ConditionExpression: 'attribute_exists(exportKey)',
				ExpressionAttributeValues: { ':a': 2 },
			}),
		),
	).rejects.toThrow('conditional')
	expect(writes).toEqual([])
})
