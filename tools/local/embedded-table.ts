import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import dynalite from 'dynalite'
import type { DynamoDb } from '../../lib/aws/dynamodb.ts'
import { EXPORT_ID_INDEX } from '../../lib/aws/exports-table.ts'
import { createTableItems } from '../ops/table-items.ts'
import { close, listen } from './listen.ts'

export interface EmbeddedTable {
	endpoint: string
	tableName: string
	/** For reading what the functions wrote. */
	client: DynamoDBDocumentClient
	/** The same client, behind the type that lib calls. */
	items: DynamoDb
	stop: () => Promise<void>
}

/** Starts DynamoDB in this process, on a free port of 127.0.0.1, and creates the table of exports. */
export async function startEmbeddedTable(region: string): Promise<EmbeddedTable> {
	const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
	const endpoint = await listen(server)
	const tableName = 'exports'
	const plain = new DynamoDBClient({
		region,
		endpoint,
		credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
	})
	await plain.send(
		new CreateTableCommand({
			TableName: tableName,
			BillingMode: 'PAY_PER_REQUEST',
			AttributeDefinitions: [
				{ AttributeName: 'exportKey', AttributeType: 'S' },
				{ AttributeName: 'exportId', AttributeType: 'S' },
			],
			KeySchema: [{ AttributeName: 'exportKey', KeyType: 'HASH' }],
			GlobalSecondaryIndexes: [
				{
					IndexName: EXPORT_ID_INDEX,
					KeySchema: [{ AttributeName: 'exportId', KeyType: 'HASH' }],
					Projection: { ProjectionType: 'ALL' },
				},
			],
		}),
	)
	const client = DynamoDBDocumentClient.from(plain)
	return {
		endpoint,
		tableName,
		client,
		items: createTableItems(client),
		stop: async () => {
			plain.destroy()
			await close(server)
		},
	}
}
