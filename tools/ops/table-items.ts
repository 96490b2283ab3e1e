import {
	DeleteCommand,
	type DeleteCommandInput,
	type DynamoDBDocumentClient,
	GetCommand,
	type GetCommandInput,
	type GetCommandOutput,
	PutCommand,
	type PutCommandInput,
	QueryCommand,
	type QueryCommandInput,
	type QueryCommandOutput,
	UpdateCommand,
	type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb'
import type { DynamoDb } from '../../lib/aws/dynamodb.ts'
import { AwsError } from '../../lib/aws-error.ts'

/**
 * The table operations that lib works with, on the SDK's client. Throws `AwsError` with the name of the SDK's error, by
 * which lib recognises a failed condition; `cause` is that error.
 */
export function createTableItems(client: DynamoDBDocumentClient): DynamoDb {
	return async (operation, request) => {
		try {
			const { Item, Items, LastEvaluatedKey }: Output = await send(client, operation, request)
			return {
				...(Item ? { Item } : {}),
				...(Items ? { Items } : {}),
				...(LastEvaluatedKey ? { LastEvaluatedKey } : {}),
			}
		} catch (cause) {
			throw new AwsError(cause instanceof Error ? cause.name : 'UnknownError', { cause })
		}
	}
}

type Output = Partial<Pick<GetCommandOutput, 'Item'> & Pick<QueryCommandOutput, 'Items' | 'LastEvaluatedKey'>>

async function send(
	client: DynamoDBDocumentClient,
	operation: Parameters<DynamoDb>[0],
	request: Parameters<DynamoDb>[1],
): Promise<Output> {
	switch (operation) {
		case 'DeleteItem':
			await client.send(new DeleteCommand(request as DeleteCommandInput))
			return {}
		case 'GetItem':
			return client.send(new GetCommand(request as GetCommandInput))
		case 'PutItem':
			await client.send(new PutCommand(request as PutCommandInput))
			return {}
		case 'Query':
			return client.send(new QueryCommand(request as QueryCommandInput))
		case 'UpdateItem':
			await client.send(new UpdateCommand(request as UpdateCommandInput))
			return {}
	}
}
