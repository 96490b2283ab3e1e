import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { EmbeddedTable } from '../../tools/local/embedded-table.ts'

/** The raw items of the exports table. */
export async function readItems({ client, tableName }: EmbeddedTable): Promise<Record<string, unknown>[]> {
	const items: Record<string, unknown>[] = []
	let ExclusiveStartKey: Record<string, unknown> | undefined
	do {
		const page = await client.send(
			new ScanCommand({ TableName: tableName, ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}) }),
		)
		items.push(...(page.Items ?? []))
		ExclusiveStartKey = page.LastEvaluatedKey
	} while (ExclusiveStartKey !== undefined)
	return items
}

/** The exports among the items. */
export async function readExports(table: EmbeddedTable): Promise<Record<string, unknown>[]> {
	return (await readItems(table)).filter(({ fingerprint }) => fingerprint !== undefined)
}

/** Ends every lease, as if its time had passed. */
export async function endLeases(table: EmbeddedTable): Promise<void> {
	for (const { exportKey, state } of await readItems(table)) {
		if (state !== 'claimed') continue
		await table.client.send(
			new UpdateCommand({
				TableName: table.tableName,
				Key: { exportKey },
				UpdateExpression: 'SET leaseUntilMs = :past',
				ExpressionAttributeValues: { ':past': 1 },
			}),
		)
	}
}
