import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import dynalite from 'dynalite'
import { createDynamoDb, type DynamoDb } from '../../lib/aws/dynamodb.ts'
import { EXPORT_ID_INDEX } from '../../lib/aws/exports-table.ts'
import { callLocal } from './call-local.ts'
import { close, listen } from './listen.ts'

export interface EmbeddedTable {
	endpoint: string
	tableName: string
	/** The SDK's, for looking at what the product wrote. */
	client: DynamoDBDocumentClient
	/** As the functions call it. */
	items: DynamoDb
	stop: () => Promise<void>
}

/** DynamoDB in this process with the table of exports, on 127.0.0.1 and a free port. */
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
	return {
		endpoint,
		tableName,
		client: DynamoDBDocumentClient.from(plain),
		items: createDynamoDb(callLocal('dynamodb', endpoint, region)),
		stop: async () => {
			plain.destroy()
			await close(server)
		},
	}
}
