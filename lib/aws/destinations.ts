import type { Destinations, Namesake } from '../ports.ts'
import { type DestinationRule, toDestination, toInstance, toNamesake } from '../request/export-identity.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { type DynamoDb, isConditionFailed, throwUnavailable } from './dynamodb.ts'
import { EXPORT_ID_INDEX } from './exports-table.ts'

/** Twice as long as NCP keeps a backup: no older one can be asked for. */
const KEPT_SECONDS = 60 * 24 * 60 * 60

/** Never the key or the id of an export: those are hashes and ULIDs. */
export const DESTINATION_PREFIX = 'destination#'

/**
 * One item a destination, beside the exports. The write is conditional on the instance, so repeating it changes nothing:
 * one whose answer was lost may be given again.
 */
export function createDestinations(
	dynamodb: DynamoDb,
	TableName: string,
	apiUrl: string,
	rule: DestinationRule,
): Destinations {
	const toKey = (request: ExportRequest) => ({
		exportKey: DESTINATION_PREFIX + toDestination(apiUrl, request, rule).key,
	})

	const holder = async (request: ExportRequest): Promise<string | null> => {
		const { Item } = await dynamodb('GetItem', {
			TableName,
			Key: toKey(request),
			ConsistentRead: true,
		}).catch(throwUnavailable)
		return Item === undefined ? null : String(Item.heldBy)
	}

	return {
		rule,
		holder,
		take: async (request, askedBy, nowMs) => {
			const { instance, namesake } = toDestination(apiUrl, request, rule)
			const { bucketName, folderPath = null, fileName } = request
			const nowSeconds = Math.floor(nowMs / 1000)
			try {
				await dynamodb('UpdateItem', {
					TableName,
					Key: toKey(request),
					UpdateExpression:
						'SET heldBy = :instance, askedBy = :askedBy, firstAskedBy = if_not_exists(firstAskedBy, :askedBy), ' +
						'exportId = :namesake, bucketName = :bucket, folderPath = :folder, fileName = :file, expiresAt = :expiresAt',
					ConditionExpression: 'attribute_not_exists(exportKey) OR heldBy = :instance OR expiresAt <= :now',
					ExpressionAttributeValues: {
						':instance': instance,
						':askedBy': askedBy,
						':namesake': DESTINATION_PREFIX + namesake,
						':bucket': bucketName,
						':folder': folderPath,
						':file': fileName,
						':expiresAt': nowSeconds + KEPT_SECONDS,
						':now': nowSeconds,
					},
				})
				return null
			} catch (error) {
				if (!isConditionFailed(error)) return throwUnavailable(error)
			}
			const held = await holder(request)
			// Another delivery for this instance may have taken it between the two.
			return held === instance ? null : (held ?? 'another instance')
		},
		giveBack: async (request, askedBy) => {
			const write = dynamodb('DeleteItem', {
				TableName,
				Key: toKey(request),
				ConditionExpression: 'heldBy = :instance AND firstAskedBy = :askedBy AND askedBy = :askedBy',
				ExpressionAttributeValues: { ':instance': toInstance(request), ':askedBy': askedBy },
			})
			await write.catch((error) => (isConditionFailed(error) ? undefined : throwUnavailable(error)))
		},
		namesakes: async (bucketName, name, limit) => {
			const { Items = [] } = await dynamodb('Query', {
				TableName,
				IndexName: EXPORT_ID_INDEX,
				KeyConditionExpression: 'exportId = :namesake',
				ExpressionAttributeValues: { ':namesake': DESTINATION_PREFIX + toNamesake(apiUrl, bucketName, name) },
				Limit: limit,
			}).catch(throwUnavailable)
			return Items.map(toNamesakeOf)
		},
	}
}

function toNamesakeOf(item: Record<string, unknown>): Namesake {
	const { heldBy, folderPath, fileName, askedBy, firstAskedBy } = item
	return {
		instance: String(heldBy),
		folderPath: folderPath === null ? undefined : String(folderPath),
		fileName: String(fileName),
		askedBy: String(askedBy),
		hasEarlier: firstAskedBy !== askedBy,
	}
}
