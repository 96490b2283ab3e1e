import { type ErrorCode, toExportError } from '../errors.ts'
import type { ArrivalCheck, ScheduleCheck } from '../ports.ts'

/** A check, and what its queue says of it. */
export interface CheckMessage {
	check: ArrivalCheck
	/** There will be no further delivery. */
	isLast: boolean
}

export interface CheckPorts {
	checkArrival: (check: ArrivalCheck) => Promise<unknown>
	schedule: ScheduleCheck
}

/** As long as SQS can delay a message. */
const DELAY_SECONDS = 900

/** What only publishing, or asking for the next check, has failed with: the outcome is stored. */
const IS_SETTLED: ReadonlySet<ErrorCode> = new Set(['PUBLISH_FAILED', 'SCHEDULE_FAILED'])

/**
 * Finishes one message of the arrival queue. Resolves = acknowledge it. Rejects = deliver it again; on its last receive it
 * goes to the dead-letter queue, unless only publishing failed: a stored outcome must be published however long the
 * topic is down, so the check is sent as a new message.
 */
export async function handleCheck({ check, isLast }: CheckMessage, ports: CheckPorts): Promise<void> {
	try {
		await ports.checkArrival(check)
	} catch (thrown) {
		if (!isLast || !IS_SETTLED.has(toExportError(thrown).code)) throw thrown
		await ports.schedule(check, DELAY_SECONDS)
	}
}
