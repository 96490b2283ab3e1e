import { randomUUID } from 'node:crypto'
import { ExportError } from '../errors.ts'
import type { Destinations, Namesake } from '../ports.ts'
import {
	type DestinationRule,
	isSameHolder,
	toDestination,
	toHolder,
	toNameKey,
} from '../request/export-identity.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { type DynamoDb, isDone, throwUnavailable } from './dynamodb.ts'
import { EXPORT_ID_INDEX } from './exports-table.ts'

const DAY_SECONDS = 24 * 60 * 60
/** Twice as long as NCP keeps a backup: no older one can be asked for. */
const KEPT_SECONDS = 60 * DAY_SECONDS

/** Never the key or the id of an export: those are hashes and ULIDs. */
export const DESTINATION_PREFIX = 'destination#'

const NOTHING = async (): Promise<void> => undefined

/** How often another writer may be first. */
const MAX_TRIES = 3

/** A request and its destination may be written a moment apart. */
const SAME_REQUEST_MS = 60_000

/** A destination as the table keeps it. */
type Item = Readonly<{
	heldBy: string
	bucketName: string
	folderPath: string | null
	fileName: string
	/** The export that asked last. */
	askedBy: string
	/** 1 once a second export has asked. */
	isAskedBySeveral: 0 | 1
	/** When the first one asked, in milliseconds since the epoch. */
	sinceMs: number
	expiresAt: number
}>

type Stored = Item & Readonly<{ revision: string }>

/** One item for each destination, beside the exports. Each write names the item that it replaces. */
export function createDestinations(
	dynamodb: DynamoDb,
	TableName: string,
	apiUrl: string,
	rule: DestinationRule,
): Destinations {
	const toKey = (request: ExportRequest) => ({
		exportKey: DESTINATION_PREFIX + toDestination(apiUrl, request, rule).key,
	})

	const read = async (request: ExportRequest): Promise<Stored | null> => {
		const Key = toKey(request)
		const { Item } = await dynamodb('GetItem', { TableName, Key, ConsistentRead: true }).catch(
			throwUnavailable,
		)
		return Item === undefined ? null : (Item as unknown as Stored)
	}

	/** Resolves with the item as written, or with null when it is not `previous` any more. */
	const write = async (
		request: ExportRequest,
		item: Item,
		previous: Stored | null,
	): Promise<Stored | null> => {
		const { key, nameKey } = toDestination(apiUrl, request, rule)
		const stored = { ...item, revision: randomUUID() }
		const Item = {
			exportKey: DESTINATION_PREFIX + key,
			exportId: DESTINATION_PREFIX + nameKey,
			...stored,
		}
		const condition = previous === null ? IS_ABSENT : isStill(previous)
		return (await isDone(dynamodb('PutItem', { TableName, Item, ...condition }))) ? stored : null
	}

	/** As before, unless somebody else has asked meanwhile. */
	const undo = async (request: ExportRequest, stored: Stored, previous: Item | null): Promise<void> => {
		if (previous !== null) await write(request, previous, stored)
		else await isDone(dynamodb('DeleteItem', { TableName, Key: toKey(request), ...isStill(stored) }))
	}

	return {
		rule,
		holder: async (request, nowMs) => {
			const known = await read(request)
			return known === null || isExpired(known, nowMs) ? null : known.heldBy
		},
		take: async (request, askedBy, nowMs) => {
			const fresh = toItem(request, askedBy, nowMs)
			// Most destinations are new, so the first access to the table is the write itself.
			const first = await write(request, fresh, null)
			if (first !== null) return { kind: 'ours', undo: () => undo(request, first, null) }
			for (let tries = 1; tries <= MAX_TRIES; tries++) {
				const known = await read(request)
				const previous = known !== null && isExpired(known, nowMs) ? null : known
				if (previous !== null && !isSameHolder(previous.heldBy, fresh.heldBy))
					return { kind: 'held', by: previous.heldBy }
				const next = previous === null ? fresh : askAgain(previous, fresh)
				// Written although nothing else changes, so that no delivery can undo what this one relies on.
				const stored = await write(request, next, known)
				if (stored === null) continue
				const isSame = previous !== null && isAskedAlready(previous, next)
				return { kind: 'ours', undo: isSame ? NOTHING : () => undo(request, stored, previous) }
			}
			const message = 'other deliveries keep changing the same destination'
			throw new ExportError('IN_PROGRESS', message, { retryAfterSeconds: 1 })
		},
		giveBack: async (request, askedBy, requestedAtMs) => {
			const item = await read(request)
			const isSole = item !== null && item.askedBy === askedBy && item.isAskedBySeveral === 0
			// An earlier export with the same key may have put its copy there.
			if (isSole && item.sinceMs >= requestedAtMs - SAME_REQUEST_MS) await undo(request, item, null)
		},
		namesakes: async (bucketName, name, limit) => {
			const { Items = [], LastEvaluatedKey } = await dynamodb('Query', {
				TableName,
				IndexName: EXPORT_ID_INDEX,
				KeyConditionExpression: 'exportId = :namesake',
				ExpressionAttributeValues: { ':namesake': DESTINATION_PREFIX + toNameKey(apiUrl, bucketName, name) },
				Limit: limit,
			}).catch(throwUnavailable)
			return { read: (Items as unknown as Item[]).map(toNamesakeOf), isWhole: LastEvaluatedKey === undefined }
		},
	}
}

/** DynamoDB deletes it within days, not at once. */
function isExpired({ expiresAt }: Stored, nowMs: number): boolean {
	return expiresAt <= toSeconds(nowMs)
}

function toItem(request: ExportRequest, askedBy: string, nowMs: number): Item {
	const { bucketName, folderPath = null, fileName } = request
	return {
		heldBy: toHolder(request),
		bucketName,
		folderPath,
		fileName,
		askedBy,
		isAskedBySeveral: 0,
		sinceMs: nowMs,
		expiresAt: toSeconds(nowMs) + KEPT_SECONDS,
	}
}

function askAgain(previous: Item, fresh: Item): Item {
	const isAskedBySeveral = previous.askedBy === fresh.askedBy ? previous.isAskedBySeveral : 1
	// The first request that names a region says which of them it is.
	const heldBy = previous.heldBy.includes('/-/') ? fresh.heldBy : previous.heldBy
	return { ...previous, heldBy, askedBy: fresh.askedBy, isAskedBySeveral, expiresAt: fresh.expiresAt }
}

/** Nothing but the expiry would change, and that by less than a day. */
function isAskedAlready(previous: Item, next: Item): boolean {
	const { heldBy, askedBy, expiresAt } = previous
	return heldBy === next.heldBy && askedBy === next.askedBy && next.expiresAt - expiresAt < DAY_SECONDS
}

const IS_ABSENT = { ConditionExpression: 'attribute_not_exists(exportKey)' }

function isStill({ revision }: Stored) {
	return {
		ConditionExpression: 'revision = :revision',
		ExpressionAttributeValues: { ':revision': revision },
	}
}

function toNamesakeOf({ heldBy, folderPath, fileName, askedBy, isAskedBySeveral }: Item): Namesake {
	return {
		instance: heldBy,
		folderPath: folderPath ?? undefined,
		fileName,
		askedBy,
		isAskedBySeveral: isAskedBySeveral === 1,
	}
}

function toSeconds(ms: number): number {
	return Math.floor(ms / 1000)
}
