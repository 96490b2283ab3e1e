import { hash } from 'node:crypto'
import type { FirstSeen } from '../ports.ts'
import { type DynamoDb, isConditionFailed, throwUnavailable } from './dynamodb.ts'

/** As long as SQS keeps a message. A later repeat of the trigger gets a new time. */
const KEPT_SECONDS = 14 * 24 * 60 * 60

/** One item for each trigger, beside the exports. Its key is hashed: an id from outside may be of any length. */
export function createFirstSeen(dynamodb: DynamoDb, TableName: string): FirstSeen {
	return async (triggerId, nowMs) => {
		const exportKey = `trigger:${hash('sha256', triggerId)}`
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
		const request = { TableName, Key: { exportKey }, ConsistentRead: true }
		const { Item } = await dynamodb('GetItem', request).catch(throwUnavailable)
		return Number(Item?.firstSeenMs ?? nowMs)
	}
}
