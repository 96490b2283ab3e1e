import type { Completion, RecordCompletion } from '../ports.ts'
import { type DynamoDb, isDone, type TableRequest, throwUnavailable } from './dynamodb.ts'
import { EXPORT_ID_INDEX } from './exports-table.ts'

/** All throw `LEDGER_UNAVAILABLE`. */
export interface Completions {
	record: RecordCompletion
	/** Each instance once, page by page, so that the memory that is needed does not grow with the number of instances. */
	read: () => AsyncIterable<Completion[]>
	/** For an instance that no longer exists. False when it was not there. */
	forget: (instance: string) => Promise<boolean>
}

/** Never the key of an export: those are hashes. */
const PREFIX = 'completion#'

/** The same for all instances, which the index by export can therefore list. Never the id of an export: those are ULIDs. */
const EXPORT_ID = 'completions'

/** A page by DynamoDB's own limit of 1 MB holds ten times as many, and could take longer than one try may. */
const PAGE_ITEMS = 1_000

/**
 * An item for each instance, beside the exports: what a write costs does not grow with the number of instances. The items
 * never expire, or silence could not be noticed.
 */
export function createCompletions(dynamodb: DynamoDb, TableName: string): Completions {
	const former = createFormerItem(dynamodb, TableName)
	const toKey = (instance: string) => ({ exportKey: PREFIX + instance })

	async function* readItems(): AsyncGenerator<Completion[]> {
		let start: Pick<TableRequest, 'ExclusiveStartKey'> = {}
		do {
			const { Items = [], LastEvaluatedKey } = await dynamodb('Query', {
				TableName,
				IndexName: EXPORT_ID_INDEX,
				KeyConditionExpression: 'exportId = :exportId',
				ExpressionAttributeValues: { ':exportId': EXPORT_ID },
				Limit: PAGE_ITEMS,
				...start,
			}).catch(throwUnavailable)
			yield Items.map(({ exportKey, completedAtMs }) => ({
				instance: String(exportKey).slice(PREFIX.length),
				atMs: Number(completedAtMs),
			}))
			start = LastEvaluatedKey === undefined ? {} : { ExclusiveStartKey: LastEvaluatedKey }
		} while (start.ExclusiveStartKey !== undefined)
	}

	return {
		record: async ({ instance, atMs }) => {
			await isDone(
				dynamodb('UpdateItem', {
					TableName,
					Key: toKey(instance),
					UpdateExpression: 'SET completedAtMs = :at, exportId = :exportId',
					// An older outcome that is published again must not make the instance look stale.
					ConditionExpression: 'attribute_not_exists(completedAtMs) OR completedAtMs < :at',
					ExpressionAttributeValues: { ':at': atMs, ':exportId': EXPORT_ID },
				}),
			)
		},
		read: async function* () {
			const left = await former.read()
			for await (const page of readItems()) {
				const newest = page.map(({ instance, atMs }) => ({
					instance,
					atMs: Math.max(atMs, left.get(instance) ?? 0),
				}))
				for (const { instance } of page) left.delete(instance)
				yield newest
			}
			yield Array.from(left, ([instance, atMs]) => ({ instance, atMs }))
		},
		forget: async (instance) => {
			// The former item first: when the second step fails, the command can be given again and still finds the instance.
			const wasInFormer = await former.forget(instance)
			const wasThere = await isDone(
				dynamodb('DeleteItem', {
					TableName,
					Key: toKey(instance),
					ConditionExpression: 'attribute_exists(exportKey)',
				}),
			)
			return wasInFormer || wasThere
		},
	}
}

/**
 * An earlier version kept the times of all instances in one item. An instance that has not completed since then is only
 * there, and must not drop out of the report: it may be the one whose exports have stopped.
 */
function createFormerItem(dynamodb: DynamoDb, TableName: string) {
	const Key = { exportKey: 'completions' }
	const prefix = 'at:'
	return {
		read: async (): Promise<Map<string, number>> => {
			const { Item = {} } = await dynamodb('GetItem', { TableName, Key }).catch(throwUnavailable)
			const times = Object.entries(Item).filter(([name]) => name.startsWith(prefix))
			return new Map(times.map(([name, atMs]) => [name.slice(prefix.length), Number(atMs)]))
		},
		forget: (instance: string): Promise<boolean> =>
			isDone(
				dynamodb('UpdateItem', {
					TableName,
					Key,
					UpdateExpression: 'REMOVE #instance',
					ConditionExpression: 'attribute_exists(#instance)',
					ExpressionAttributeNames: { '#instance': prefix + instance },
				}),
			),
	}
}
