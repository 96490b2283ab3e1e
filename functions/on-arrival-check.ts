import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { ScheduledEvent, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { DeliveredCheck } from '../lib/arrival/arrival-schedule.ts'
import { checkArrival } from '../lib/arrival/check-arrival.ts'
import { parseArrivalCheck } from '../lib/aws/arrival-queue.ts'
import { ExportError } from '../lib/errors.ts'
import { reportFreshness } from '../lib/observe/observe.ts'
import { toBatchResponse } from '../lib/queue/batch-response.ts'
import { isRedriven } from '../lib/queue/redriven.ts'
import { settleInOrder } from '../lib/queue/run-batch.ts'
import { wireArrival } from '../lib/wiring/wire-arrival.ts'

const { begin, metrics, logger } = wireArrival()

/** Takes the arrival queue's batches and, for the freshness of each instance, a schedule's events. */
export const handler = middy<SQSEvent | ScheduledEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<SQSBatchResponse> => {
		const { ports, completions, remainingMs } = begin(context)
		if (!('Records' in event)) {
			reportFreshness(await completions.read(), ports.now(), metrics)
			return { batchItemFailures: [] }
		}
		const { Records } = event
		const results = await settleInOrder(Records.map(readRecord), exportOf, ({ check }) => {
			if (check === null) throw new ExportError('REQUEST_UNREADABLE', 'the message is no arrival check')
			return checkArrival(check, remainingMs, ports)
		})
		return toBatchResponse(Records, results, (reason) => logger.error('check not finished', { reason }))
	})

interface ReadRecord {
	messageId: string
	/** Null for a message that is none of ours: it fails until the dead-letter queue has it. */
	check: DeliveredCheck | null
}

function readRecord(record: SQSRecord): ReadRecord {
	const { body, messageId, attributes } = record
	const check = parseArrivalCheck(body)
	const isRepeated = isRedriven(record) || Number(attributes.ApproximateReceiveCount) > 1
	return { messageId, check: check === null ? null : { ...check, isRepeated } }
}

/** Doubled checks of one export one after another: the second then sees what the first wrote. */
function exportOf({ messageId, check }: ReadRecord): string {
	return check?.exportKey ?? messageId
}
