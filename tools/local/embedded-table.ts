import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
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
	/** While it is down, every call fails as DynamoDB's own errors do. */
	setDown: (isDown: boolean) => void
	stop: () => Promise<void>
}

/** A write that took effect. */
export interface TableWrite {
	exportKey: string
	/** Null when the item was deleted. */
	item: Readonly<Record<string, unknown>> | null
}

/**
 * Starts DynamoDB in this process, on a free port of 127.0.0.1, and creates the table of exports. `onWrite` is called with
 * each item that is put or deleted.
 */
export async function startEmbeddedTable(
	region: string,
	onWrite?: (write: TableWrite) => void,
): Promise<EmbeddedTable> {
	const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
	let isDown = false
	const [handle] = server.listeners('request') as RequestListener[]
	server.removeAllListeners('request')
	server.on('request', (request, response) => {
		if (isDown) response.writeHead(500, { 'content-type': 'application/x-amz-json-1.0' }).end(DOWN)
		else {
			if (onWrite !== undefined) reportWrite(request, response, onWrite)
			handle?.(request, response)
		}
	})
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
		setDown: (next) => {
			isDown = next
		},
		stop: async () => {
			plain.destroy()
			await close(server)
		},
	}
}

const DOWN = '{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"told to fail"}'

/** Reads the call beside the server, and reports it when the server has answered that it was done. */
function reportWrite(
	request: IncomingMessage,
	response: ServerResponse,
	onWrite: (write: TableWrite) => void,
): void {
	const [, action] = String(request.headers['x-amz-target']).split('.')
	if (action !== 'PutItem' && action !== 'DeleteItem') return
	const chunks: Buffer[] = []
	request.on('data', (chunk: Buffer) => chunks.push(chunk))
	response.once('finish', () => {
		if (response.statusCode !== 200) return
		const { Item = null, Key } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call
		const exportKey = String(toValue((Item ?? Key)?.exportKey))
		onWrite({ exportKey, item: Item === null ? null : mapValues(Item) })
	})
}

interface Call {
	Item?: Record<string, Attribute>
	Key?: Record<string, Attribute>
}

/** As DynamoDB writes a value: `{ "S": "text" }`. Only texts, numbers, booleans and null are in the table. */
type Attribute = Readonly<Record<string, unknown>>

function mapValues(item: Record<string, Attribute>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, toValue(value)]))
}

function toValue({ S, N, BOOL }: Attribute = {}): unknown {
	return S ?? (N === undefined ? (BOOL ?? null) : Number(N))
}
