import type { ArrivalCheck } from '../arrival/arrival-schedule.ts'
import { parseRecord } from '../formats/parse-record.ts'
import { AwsError, type CallAws, parseAnswer } from './call-aws.ts'

/** Asks for a check after so many seconds, 900 at most; throws `AwsError`. */
export type ScheduleCheck = (check: ArrivalCheck, delaySeconds: number) => Promise<void>

const SEND_MESSAGE = {
	'content-type': 'application/x-amz-json-1.0',
	'x-amz-target': 'AmazonSQS.SendMessage',
}

/** Every export asks for a check: with the SDK's client a cold start takes 1.4 times as long. A check that is sent twice does no harm. */
export function createArrivalQueue(call: CallAws, queueUrl: string): ScheduleCheck {
	return async (check, delaySeconds) => {
		const message = { QueueUrl: queueUrl, MessageBody: JSON.stringify(check), DelaySeconds: delaySeconds }
		const answer = parseAnswer(await call(SEND_MESSAGE, JSON.stringify(message)))
		// A 200 from anybody else is no message in the queue.
		if (typeof answer.MessageId !== 'string') throw new AwsError('NoMessageId')
	}
}

/** Null for a body that is none of our own: its sender cannot be told, the dead-letter queue keeps it. */
export function parseArrivalCheck(body: string): ArrivalCheck | null {
	const { exportKey, exportId, check } = parseRecord(body) ?? {}
	const isOurs = typeof exportKey === 'string' && typeof exportId === 'string' && Number.isSafeInteger(check)
	return isOurs ? { exportKey, exportId, check: check as number } : null
}
