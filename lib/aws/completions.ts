import type { Completion, RecordCompletion } from '../ports.ts'
import { type DynamoDb, isConditionFailed, type TableRequest, throwUnavailable } from './dynamodb.ts'

/** All throw `LEDGER_UNAVAILABLE`. */
export interface Completions {
	record: RecordCompletion
	read: () => Promise<Completion[]>
	/** For an instance that no longer exists. False when it was not there. */
	forget: (instance: string) => Promise<boolean>
}

/** Not the key of an export: those are hashes. */
const KEY = { exportKey: 'completions' }

const PREFIX = 'at:'

/** One item of the table of exports, with an attribute for each instance. It never expires, or silence could not be noticed. */
export function createCompletions(dynamodb: DynamoDb, TableName: string): Completions {
	/** False when the condition does not hold. */
	const update = (request: Omit<TableRequest, 'TableName' | 'Key'>): Promise<boolean> =>
		dynamodb('UpdateItem', { ...request, TableName, Key: KEY }).then(
			() => true,
			(error) => (isConditionFailed(error) ? false : throwUnavailable(error)),
		)
	return {
		record: async ({ instance, atMs }) => {
			await update({
				UpdateExpression: 'SET #instance = :at',
				// An older outcome that is published again must not make the instance look stale.
				ConditionExpression: 'attribute_not_exists(#instance) OR #instance < :at',
				ExpressionAttributeNames: { '#instance': PREFIX + instance },
				ExpressionAttributeValues: { ':at': atMs },
			})
		},
		read: async () => {
			const { Item = {} } = await dynamodb('GetItem', { TableName, Key: KEY }).catch(throwUnavailable)
			return Object.entries(Item)
				.filter(([name]) => name.startsWith(PREFIX))
				.map(([name, atMs]) => ({ instance: name.slice(PREFIX.length), atMs: Number(atMs) }))
		},
		forget: (instance) =>
			update({
				UpdateExpression: 'REMOVE #instance',
				ConditionExpression: 'attribute_exists(#instance)',
				ExpressionAttributeNames: { '#instance': PREFIX + instance },
			}),
	}
}
