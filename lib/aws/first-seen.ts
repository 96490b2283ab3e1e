import { type DynamoDb, isConditionFailed, throwUnavailable } from './dynamodb.ts'

/**
 * When a trigger was first delivered, milliseconds since the epoch: `nowMs`, unless an earlier delivery was here. Throws
 * `LEDGER_UNAVAILABLE`.
 */
export type FirstSeen = (triggerId: string, nowMs: number) => Promise<number>

/** Lambda repeats an asynchronous invocation for six hours at most, by default. */
const KEPT_SECONDS = 24 * 60 * 60

/** One item a trigger, beside the exports, whose keys are hashes. */
export function createFirstSeen(dynamodb: DynamoDb, TableName: string): FirstSeen {
	return async (triggerId, nowMs) => {
		const exportKey = `trigger:${triggerId}`
		const expiresAt = Math.floor(nowMs / 1000) + KEPT_SECONDS
		try {
			await dynamodb('PutItem', {
				TableName,
				Item: { exportKey, firstSeenMs: nowMs, expiresAt },
				ConditionExpression: 'attribute_not_exists(exportKey)',
			})
			return nowMs
		} catch (error) {
			if (!isConditionFailed(error)) throwUnavailable(error)
		}
		const { Item } = await dynamodb('GetItem', {
			TableName,
			Key: { exportKey },
			ConsistentRead: true,
		}).catch(throwUnavailable)
		return Number(Item?.firstSeenMs ?? nowMs)
	}
}
