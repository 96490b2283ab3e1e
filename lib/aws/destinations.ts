import { ExportError } from '../errors.ts'
import type { Destinations, Namesake } from '../ports.ts'
import {
	type DestinationRule,
	isSameInstance,
	toDestination,
	toInstance,
	toNamesake,
} from '../request/export-identity.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { type DynamoDb, isConditionFailed, throwUnavailable } from './dynamodb.ts'
import { EXPORT_ID_INDEX } from './exports-table.ts'

/** Twice as long as NCP keeps a backup: no older one can be asked for. */
const KEPT_SECONDS = 60 * 24 * 60 * 60

/** Never the key or the id of an export: those are hashes and ULIDs. */
export const DESTINATION_PREFIX = 'destination#'

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

/** One item a destination, beside the exports. Each write names the item that it replaces. */
export function createDestinations(
	dynamodb: DynamoDb,
	TableName: string,
	apiUrl: string,
	rule: DestinationRule,
): Destinations {
	const toKey = (request: ExportRequest) => ({
		exportKey: DESTINATION_PREFIX + toDestination(apiUrl, request, rule).key,
	})

	const read = async (request: ExportRequest): Promise<Item | null> => {
		const Key = toKey(request)
		const { Item } = await dynamodb('GetItem', { TableName, Key, ConsistentRead: true }).catch(
			throwUnavailable,
		)
		return Item === undefined ? null : (Item as unknown as Item)
	}

	const write = (request: ExportRequest, item: Item, previous: Item | null): Promise<boolean> => {
		const exportId = DESTINATION_PREFIX + toDestination(apiUrl, request, rule).namesake
		const Item = { ...toKey(request), exportId, ...item }
		const condition = previous === null ? IS_ABSENT : isStill(previous)
		return isWritten(dynamodb('PutItem', { TableName, Item, ...condition }))
	}

	/** As before, unless somebody else has asked meanwhile. */
	const undo = async (request: ExportRequest, item: Item, previous: Item | null): Promise<void> => {
		if (previous !== null) await write(request, previous, item)
		else await isWritten(dynamodb('DeleteItem', { TableName, Key: toKey(request), ...isStill(item) }))
	}

	return {
		rule,
		holder: async (request) => (await read(request))?.heldBy ?? null,
		take: async (request, askedBy, nowMs) => {
			const fresh = toItem(request, askedBy, nowMs)
			// Most destinations are new, so the first access to the table is the write itself.
			if (await write(request, fresh, null)) return { kind: 'ours', undo: () => undo(request, fresh, null) }
			for (let tries = 1; tries <= MAX_TRIES; tries++) {
				const known = await read(request)
				const previous = known !== null && known.expiresAt <= toSeconds(nowMs) ? null : known
				if (previous !== null && !isSameInstance(previous.heldBy, fresh.heldBy))
					return { kind: 'held', by: previous.heldBy }
				const next = previous === null ? fresh : askAgain(previous, fresh)
				if (await write(request, next, known))
					return { kind: 'ours', undo: () => undo(request, next, previous) }
			}
			throw new ExportError('LEDGER_UNAVAILABLE', 'other writers kept changing the destination')
		},
		giveBack: async (request, askedBy, requestedAtMs) => {
			const item = await read(request)
			const isSole = item !== null && item.askedBy === askedBy && item.isAskedBySeveral === 0
			// An earlier export with the same key may have put its copy there.
			if (isSole && item.sinceMs >= requestedAtMs - SAME_REQUEST_MS) await undo(request, item, null)
		},
		namesakes: async (bucketName, name, limit) => {
			const { Items = [] } = await dynamodb('Query', {
				TableName,
				IndexName: EXPORT_ID_INDEX,
				KeyConditionExpression: 'exportId = :namesake',
				ExpressionAttributeValues: { ':namesake': DESTINATION_PREFIX + toNamesake(apiUrl, bucketName, name) },
				Limit: limit,
			}).catch(throwUnavailable)
			return (Items as unknown as Item[]).map(toNamesakeOf)
		},
	}
}

function toItem(request: ExportRequest, askedBy: string, nowMs: number): Item {
	const { bucketName, folderPath = null, fileName } = request
	return {
		heldBy: toInstance(request),
		bucketName,
		folderPath,
		fileName,
		askedBy,
		isAskedBySeveral: 0,
		sinceMs: nowMs,
		expiresAt: toSeconds(nowMs) + KEPT_SECONDS,
	}
}

function askAgain(previous: Item, { askedBy, expiresAt }: Item): Item {
	const isAskedBySeveral = previous.askedBy === askedBy ? previous.isAskedBySeveral : 1
	return { ...previous, askedBy, isAskedBySeveral, expiresAt }
}

const IS_ABSENT = { ConditionExpression: 'attribute_not_exists(exportKey)' }

function isStill({ heldBy, askedBy, isAskedBySeveral, sinceMs, expiresAt }: Item) {
	return {
		ConditionExpression:
			'heldBy = :heldBy AND askedBy = :askedBy AND isAskedBySeveral = :several AND sinceMs = :since AND expiresAt = :expiresAt',
		ExpressionAttributeValues: {
			':heldBy': heldBy,
			':askedBy': askedBy,
			':several': isAskedBySeveral,
			':since': sinceMs,
			':expiresAt': expiresAt,
		},
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

/** False when the item is not the one that the write names. */
function isWritten(write: Promise<unknown>): Promise<boolean> {
	return write.then(
		() => true,
		(error) => (isConditionFailed(error) ? false : throwUnavailable(error)),
	)
}
