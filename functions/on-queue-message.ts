import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import sqsPartialBatchFailure from '@middy/sqs-partial-batch-failure'
import type { SQSEvent, SQSRecord } from 'aws-lambda'
import { RequestInvalid } from '../lib/errors.ts'
import { type Delivery, exportBackup, toDelivery } from '../lib/export-backup.ts'
import { settleInOrder } from '../lib/settle-in-order.ts'
import { parseTraceparent } from '../lib/traceparent.ts'
import { wire } from '../lib/wire.ts'

const { config, ports, metrics } = wire('on-queue-message')

/** A fulfilled record is acknowledged; a rejected one stays in the queue. */
export const handler = middy<SQSEvent>({
	// Each record has its own, earlier deadline: middy's would report finished records as failed.
	timeoutEarlyInMillis: 0,
})
	.use(logMetrics(metrics))
	// Every failure has had its log line by then.
	.use(sqsPartialBatchFailure({ logger: () => undefined }))
	.handler(async ({ Records }, context) =>
		settleInOrder(Records.map(readRecord), instanceOf, (delivery) =>
			exportBackup(delivery, () => context.getRemainingTimeInMillis() - 500, ports),
		),
	)

function readRecord({ messageId, body, messageAttributes }: SQSRecord): Delivery {
	const traceparent = parseTraceparent(messageAttributes.traceparent?.stringValue)
	return toDelivery(body, { kind: 'queue', id: messageId }, { regionCode: config.regionCode, traceparent })
}

/** NCP answers parallel operations on one instance with "busy". */
function instanceOf({ request, trigger }: Delivery): string {
	return request instanceof RequestInvalid ? trigger.id : request.cloudPostgresqlInstanceNo
}
