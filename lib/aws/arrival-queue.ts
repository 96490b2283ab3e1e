import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { ArrivalCheck } from '../arrival-schedule.ts'
import { isRecord } from '../export-request.ts'

/** Asks for a check after so many seconds, 900 at most; throws what the SDK throws. */
export type ScheduleCheck = (check: ArrivalCheck, delaySeconds: number) => Promise<void>

export function createArrivalQueue(client: SQSClient, queueUrl: string): ScheduleCheck {
	return async (check, delaySeconds) => {
		await client.send(
			new SendMessageCommand({
				QueueUrl: queueUrl,
				MessageBody: JSON.stringify(check),
				DelaySeconds: delaySeconds,
			}),
		)
	}
}

/** Null for a body that is none of our own. */
export function parseArrivalCheck(body: string): ArrivalCheck | null {
	try {
		const value: unknown = JSON.parse(body)
		if (!isRecord(value)) return null
		const { exportKey, exportId, check } = value
		const isOurs =
			typeof exportKey === 'string' && typeof exportId === 'string' && Number.isSafeInteger(check)
		return isOurs ? { exportKey, exportId, check: check as number } : null
	} catch {
		// Somebody else's message: its sender cannot be told, the dead-letter queue keeps it.
		return null
	}
}
