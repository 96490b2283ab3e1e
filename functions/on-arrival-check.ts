import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { DeliveredCheck } from '../lib/arrival-schedule.ts'
import { parseArrivalCheck } from '../lib/aws/arrival-queue.ts'
import { toBatchResponse } from '../lib/aws/batch-response.ts'
import { checkArrival } from '../lib/check-arrival.ts'
import { ExportError } from '../lib/errors.ts'
import { remainingTime } from '../lib/remaining-time.ts'
import { settleInOrder } from '../lib/settle-in-order.ts'
import { wireArrival } from '../lib/wire-arrival.ts'

const { ports, metrics, logger } = wireArrival()

export const handler = middy<SQSEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async ({ Records }, context): Promise<SQSBatchResponse> => {
		const remainingMs = remainingTime(context)
		const results = await settleInOrder(Records, exportOf, (record) =>
			checkArrival(readRecord(record), remainingMs, ports),
		)
		return toBatchResponse(Records, results, (reason) => logger.error('check not finished', { reason }))
	})

/** Doubled checks of one export one after another: the second then sees what the first wrote. */
function exportOf({ body, messageId }: SQSRecord): string {
	return parseArrivalCheck(body)?.exportKey ?? messageId
}

function readRecord({ body, attributes }: SQSRecord): DeliveredCheck {
	const check = parseArrivalCheck(body)
	if (check === null) throw new ExportError('REQUEST_UNREADABLE', 'the message is no arrival check')
	return { ...check, isRepeated: Number(attributes.ApproximateReceiveCount) > 1 }
}
