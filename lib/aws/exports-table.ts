import { randomUUID } from 'node:crypto'
import type { Draft, Entry, Ledger } from '../ledger/ledger.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import type { FindExport } from '../ports.ts'
import { type DynamoDb, isConditionFailed, isDone, throwUnavailable } from './dynamodb.ts'

/** `expiresAt` is DynamoDB's TTL, in whole seconds. Conditions honour it to the second; DynamoDB deletes within days. */
type Item = Omit<Entry, 'expiresAtMs' | 'event'> & {
	expiresAt: number
	event: string | null
}

/**
 * Fields of items that an earlier version wrote: `writeToken` was the revision, a `rememberMs` above 0 said that coverage
 * ordered the export, and the other two are no longer read.
 */
interface FormerItem {
	writeToken?: string
	rememberMs?: number
	version?: number
	claimId?: string
}

/**
 * The ledger on one DynamoDB table, with conditional writes of single items only.
 *
 * Not the generic idempotency library: it deletes its record when the work throws, which forgets a call that may
 * have been sent, and its lease ends with the function's time-out, after which the work may be done twice.
 */
export function createExportsTable(dynamodb: DynamoDb, tableName: string): Ledger {
	/** Of each draft that was given to `replace`: giving it again repeats the write. */
	const revisions = new WeakMap<Draft, string>()
	const reviseOnce = (next: Draft): string => {
		const revision = revisions.get(next) ?? randomUUID()
		revisions.set(next, revision)
		return revision
	}
	/** A draft that was given to `replace` has its own revision. It may still carry that of the entry it was made from. */
	const revisionOf = (given: Entry | Draft): string =>
		revisions.get(given) ?? ('revision' in given ? given.revision : '')

	const read = async (exportKey: string): Promise<Entry | null> => {
		const request = { TableName: tableName, Key: { exportKey }, ConsistentRead: true }
		const { Item } = await dynamodb('GetItem', request).catch(throwUnavailable)
		return Item === undefined ? null : fromItem(Item as unknown as Item)
	}

	const replace: Ledger['replace'] = async (previous, next, nowMs) => {
		const entry = { ...next, revision: reviseOnce(next) }
		const condition = previous === null ? isFree(nowMs) : isStill(previous.exportId, revisionOf(previous))
		try {
			await dynamodb('PutItem', { TableName: tableName, Item: toItem(entry), ...condition })
			return entry
		} catch (error) {
			if (!isConditionFailed(error)) return throwUnavailable(error)
		}
		// A write whose first answer was lost fails its own condition when it is repeated; the revision shows that it is ours.
		return (await read(next.exportKey))?.revision === entry.revision ? entry : null
	}

	const expireAt: Ledger['expireAt'] = (entry, expiresAtMs) => {
		const { ConditionExpression, ExpressionAttributeValues } = isStill(entry.exportId, entry.revision)
		return isDone(
			dynamodb('UpdateItem', {
				TableName: tableName,
				Key: { exportKey: entry.exportKey },
				UpdateExpression: 'SET expiresAt = :expiresAt',
				ConditionExpression,
				ExpressionAttributeValues: { ...ExpressionAttributeValues, ':expiresAt': toSeconds(expiresAtMs) },
			}),
		)
	}

	return { read, replace, expireAt }
}

/** The table's index by `exportId`. It follows the table with a short delay. */
export const EXPORT_ID_INDEX = 'exportId'

export function createExportFinder(dynamodb: DynamoDb, tableName: string): FindExport {
	return async (exportId, nowMs) => {
		const request = {
			TableName: tableName,
			IndexName: EXPORT_ID_INDEX,
			KeyConditionExpression: 'exportId = :exportId',
			ExpressionAttributeValues: { ':exportId': exportId },
		}
		const { Items = [] } = await dynamodb('Query', request).catch(throwUnavailable)
		// Completions and destinations are in the index, too.
		const exports = Items.filter(({ fingerprint }) => fingerprint !== undefined)
		const entries = (exports as unknown as Item[]).map(fromItem)
		return entries.find(({ expiresAtMs }) => expiresAtMs > nowMs) ?? null
	}
}

function isFree(nowMs: number) {
	return {
		ConditionExpression: 'attribute_not_exists(exportKey) OR expiresAt <= :now',
		ExpressionAttributeValues: { ':now': toSeconds(nowMs) },
	}
}

/** Fails for an item that is gone, too. */
function isStill(exportId: string, revision: string) {
	const isRevision = 'revision = :revision OR (attribute_not_exists(revision) AND writeToken = :revision)'
	return {
		ConditionExpression: `exportId = :exportId AND (${isRevision})`,
		ExpressionAttributeValues: { ':exportId': exportId, ':revision': revision },
	}
}

function toItem({ expiresAtMs, event, ...entry }: Entry): Item {
	return {
		...entry,
		expiresAt: toSeconds(expiresAtMs),
		event: event === null ? null : JSON.stringify(event),
	}
}

function fromItem(item: Item & FormerItem): Entry {
	const { expiresAt, event, writeToken, rememberMs, version: _version, claimId: _claimId, ...entry } = item
	return {
		...entry,
		revision: entry.revision ?? writeToken ?? '',
		destinationRule: entry.destinationRule ?? null,
		waitsFor: entry.waitsFor ?? null,
		claimedAtMs: entry.claimedAtMs ?? entry.requestedAtMs,
		firstCheck: entry.firstCheck ?? 0,
		coverage: entry.coverage ?? (rememberMs ? 'ordered' : 'none'),
		expiresAtMs: expiresAt * 1000,
		event: event === null ? null : (JSON.parse(event) as OutcomeEvent),
	}
}

function toSeconds(ms: number): number {
	return Math.floor(ms / 1000)
}
