import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDynamoDb } from '../../lib/aws/dynamodb.ts'
import { createFirstSeen } from '../../lib/aws/first-seen.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'
import { readItems } from '../integration/table.ts'

let table: EmbeddedTable
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
})
afterAll(() => table.stop())

const items = () => createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2'))

it('returns the time of the first delivery for every delivery of a trigger', async () => {
	const firstSeen = createFirstSeen(items(), table.tableName)
	expect(await firstSeen('a', 5_000)).toBe(5_000)
	expect(await firstSeen('a', 9_000)).toBe(5_000)
	expect(await firstSeen('b', 9_000)).toBe(9_000)
})

it('forgets a trigger after two weeks, through the table’s TTL', async () => {
	const items = await readItems(table)
	expect(items.find(({ firstSeenMs }) => firstSeenMs === 5_000)).toMatchObject({
		// Hashed, because an external id may be longer than a key may be.
		exportKey: expect.stringMatching(/^trigger:[0-9a-f]{64}$/),
		expiresAt: 5 + 14 * 86_400,
	})
})

it('throws LEDGER_UNAVAILABLE when the table fails', async () => {
	const nowhere = createFirstSeen(items(), 'no-such-table')
	await expect(nowhere('a', 1)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
})
