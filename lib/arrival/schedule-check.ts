import type { ScheduleCheck } from '../aws/arrival-queue.ts'
import { ExportError } from '../errors.ts'
import { within } from '../within.ts'
import type { ArrivalCheck } from './arrival-schedule.ts'

/** Asks for a check while there is time for it. Throws `PUBLISH_FAILED`: the delivery comes again, and asks again. */
export async function scheduleInTime(
	check: ArrivalCheck,
	delaySeconds: number,
	remainingMs: () => number,
	schedule: ScheduleCheck,
): Promise<void> {
	const isAsked = schedule(check, delaySeconds).then(() => true)
	if ((await within(isAsked, Math.max(0, remainingMs()))) !== true)
		throw new ExportError('PUBLISH_FAILED', 'the arrival queue did not take the check')
}
