import { randomUUID } from 'node:crypto'
import type { Entry, Ledger } from '../ledger/ledger.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import { type DynamoDb, isConditionFailed, throwUnavailable } from './dynamodb.ts'

/** `expiresAt` is DynamoDB's TTL: whole seconds; the condition honours it to the second, the reaper within days. */
type Item = Omit<Entry, 'expiresAtMs' | 'event'> & {
	expiresAt: number
	event: string | null
	/** Made anew for each entry that is written, so that a repeat can be told from everybody else's write. */
	writeToken: string
}

/**
 * The ledger on one DynamoDB table, with single-item conditional writes only.
 *
 * Not the generic idempotency library: that one deletes its record when the work throws, which forgets a call that may
 * have been sent, and its lease ends with the function's time-out, after which the work is free to be done twice.
 */
export function createExportsTable(dynamodb: DynamoDb, tableName: string): Ledger {
	/** By the entry itself: whoever writes the same one again repeats the write. */
	const tokens = new WeakMap<Entry, string>()
	const tokenOf = (entry: Entry): string => {
		const token = tokens.get(entry) ?? randomUUID()
		tokens.set(entry, token)
		return token
	}

	const readItem = async (exportKey: string): Promise<Item | null> => {
		const request = { TableName: tableName, Key: { exportKey }, ConsistentRead: true }
		const { Item } = await dynamodb('GetItem', request).catch(throwUnavailable)
		return (Item as unknown as Item | undefined) ?? null
	}

	const read = async (exportKey: string): Promise<Entry | null> => {
		const item = await readItem(exportKey)
		return item === null ? null : toEntry(item)
	}

	const replace = async (previous: Entry | null, next: Entry, nowMs: number): Promise<boolean> => {
		const item = toItem(next, tokenOf(next))
		try {
			await dynamodb('PutItem', { TableName: tableName, Item: item, ...toCondition(previous, nowMs) })
			return true
		} catch (error) {
			if (!isConditionFailed(error)) return throwUnavailable(error)
		}
		// The caller of AWS, or our own, repeats a write whose answer was lost; the repeat then fails on our own first one.
		return (await readItem(next.exportKey))?.writeToken === item.writeToken
	}

	const expireAt = async (entry: Entry, expiresAtMs: number): Promise<boolean> => {
		const { ConditionExpression, ExpressionAttributeValues } = toSameEntry(entry)
		try {
			await dynamodb('UpdateItem', {
				TableName: tableName,
				Key: { exportKey: entry.exportKey },
				UpdateExpression: 'SET expiresAt = :expiresAt',
				ConditionExpression,
				ExpressionAttributeValues: {
					...ExpressionAttributeValues,
					':expiresAt': Math.floor(expiresAtMs / 1000),
				},
			})
			return true
		} catch (error) {
			return isConditionFailed(error) ? false : throwUnavailable(error)
		}
	}

	return { read, replace, expireAt }
}

/** The table's index by `exportId`; it follows the table with a short delay. */
export const EXPORT_ID_INDEX = 'exportId'

/** The export with an id, or null when there is none, or none any more. Throws `LEDGER_UNAVAILABLE`. */
export type FindExport = (exportId: string, nowMs: number) => Promise<Entry | null>

export function createExportFinder(dynamodb: DynamoDb, tableName: string): FindExport {
	return async (exportId, nowMs) => {
		const request = {
			TableName: tableName,
			IndexName: EXPORT_ID_INDEX,
			KeyConditionExpression: 'exportId = :exportId',
			ExpressionAttributeValues: { ':exportId': exportId },
		}
		const { Items = [] } = await dynamodb('Query', request).catch(throwUnavailable)
		const entries = (Items as unknown as Item[]).map(toEntry)
		return entries.find(({ expiresAtMs }) => expiresAtMs > nowMs) ?? null
	}
}

function toCondition(previous: Entry | null, nowMs: number) {
	if (previous === null) {
		return {
			ConditionExpression: 'attribute_not_exists(exportKey) OR expiresAt <= :now',
			ExpressionAttributeValues: { ':now': Math.floor(nowMs / 1000) },
		}
	}
	return toSameEntry(previous)
}

/** Fails for an item that is gone, too. */
function toSameEntry({ exportId, version, claimId }: Entry) {
	return {
		ConditionExpression: 'exportId = :exportId AND version = :version AND claimId = :claimId',
		ExpressionAttributeValues: { ':exportId': exportId, ':version': version, ':claimId': claimId },
	}
}

function toItem({ expiresAtMs, event, ...entry }: Entry, writeToken: string): Item {
	return {
		...entry,
		expiresAt: Math.floor(expiresAtMs / 1000),
		event: event === null ? null : JSON.stringify(event),
		writeToken,
	}
}

function toEntry({ expiresAt, event, writeToken: _token, ...entry }: Item): Entry {
	return {
		...entry,
		expiresAtMs: expiresAt * 1000,
		event: event === null ? null : (JSON.parse(event) as OutcomeEvent),
	}
}
