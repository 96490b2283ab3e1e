import { AwsError } from '../aws-error.ts'
import { ExportError, toReason } from '../errors.ts'
import { parseRecord } from '../formats/json.ts'
import type { ArrivalCheck, ScheduleCheck } from '../ports.ts'
import { type CallAws, parseAnswer } from './call-aws.ts'

const SEND_MESSAGE = {
	'content-type': 'application/x-amz-json-1.0',
	'x-amz-target': 'AmazonSQS.SendMessage',
}

/**
 * Sends checks without the SDK's client, since every export asks for one: a cold start would take 1.4 times as long. A
 * check that is sent twice does no harm.
 */
export function createArrivalQueue(call: CallAws, queueUrl: string): ScheduleCheck {
	const send = async (check: ArrivalCheck, delaySeconds: number): Promise<void> => {
		const message = { QueueUrl: queueUrl, MessageBody: JSON.stringify(check), DelaySeconds: delaySeconds }
		const answer = parseAnswer(await call(SEND_MESSAGE, JSON.stringify(message)))
		// A 200 from another server, such as a proxy, is not a message in the queue.
		if (typeof answer.MessageId !== 'string') throw new AwsError('NoMessageId')
	}
	return (check, delaySeconds) =>
		send(check, delaySeconds).catch((cause) => {
			throw new ExportError(
				'SCHEDULE_FAILED',
				`the arrival queue did not take the check: ${toReason(cause)}`,
				{ cause },
			)
		})
}

/** Null for a body that is not a check. Its sender cannot be told, so the dead-letter queue keeps it. */
export function parseArrivalCheck(body: string): ArrivalCheck | null {
	const { exportKey, exportId, check } = parseRecord(body) ?? {}
	const isOurs = typeof exportKey === 'string' && typeof exportId === 'string' && Number.isSafeInteger(check)
	return isOurs ? { exportKey, exportId, check: check as number } : null
}
