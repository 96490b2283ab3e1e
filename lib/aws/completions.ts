import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { throwUnavailable } from './exports-table.ts'

/** When an instance's last export was seen to arrive, in milliseconds since the epoch. */
export interface Completion {
	/** `{region}/{instance number}`; "-" for the default region. */
	instance: string
	atMs: number
}

/** All throw `LEDGER_UNAVAILABLE`. */
export interface Completions {
	record: (completion: Completion) => Promise<void>
	read: () => Promise<Completion[]>
	/** For an instance that is no more; false when it was not there. */
	forget: (instance: string) => Promise<boolean>
}

/** No export has this key: theirs are hashes. */
const KEY = { exportKey: 'completions' }

const PREFIX = 'at:'

/** One item of the table of exports with an attribute an instance; it never expires, or silence could not be noticed. */
export function createCompletions(client: DynamoDBDocumentClient, tableName: string): Completions {
	return {
		record: async ({ instance, atMs }) => {
			const command = new UpdateCommand({
				TableName: tableName,
				Key: KEY,
				UpdateExpression: 'SET #instance = :at',
				// An older outcome that is published again must not make the instance look stale.
				ConditionExpression: 'attribute_not_exists(#instance) OR #instance < :at',
				ExpressionAttributeNames: { '#instance': PREFIX + instance },
				ExpressionAttributeValues: { ':at': atMs },
			})
			await client.send(command).catch((error) => {
				if (!(error instanceof ConditionalCheckFailedException)) throwUnavailable(error)
			})
		},
		read: async () => {
			const { Item = {} } = await client
				.send(new GetCommand({ TableName: tableName, Key: KEY }))
				.catch(throwUnavailable)
			return Object.entries(Item)
				.filter(([name]) => name.startsWith(PREFIX))
				.map(([name, atMs]) => ({ instance: name.slice(PREFIX.length), atMs: Number(atMs) }))
		},
		forget: async (instance) => {
			const command = new UpdateCommand({
				TableName: tableName,
				Key: KEY,
				UpdateExpression: 'REMOVE #instance',
				ConditionExpression: 'attribute_exists(#instance)',
				ExpressionAttributeNames: { '#instance': PREFIX + instance },
			})
			return client.send(command).then(
				() => true,
				(error) => (error instanceof ConditionalCheckFailedException ? false : throwUnavailable(error)),
			)
		},
	}
}
