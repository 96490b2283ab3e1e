import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { RequestInvalid } from '../lib/errors.ts'
import { exportBackup } from '../lib/export/export-backup.ts'
import { parseTraceparent } from '../lib/formats/traceparent.ts'
import { toBatchResponse } from '../lib/queue/batch-response.ts'
import { handleMessage, type Message } from '../lib/queue/handle-message.ts'
import { isRedriven } from '../lib/queue/redriven.ts'
import { settleInOrder } from '../lib/queue/run-batch.ts'
import { toDelivery } from '../lib/request/delivery.ts'
import { wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics, logger } = wire('on-queue-message')

export const handler = middy<SQSEvent, SQSBatchResponse>({
	// Each record has its own, earlier deadline: middy's would report finished records as failed.
	timeoutEarlyInMillis: 0,
})
	.use(logMetrics(metrics))
	.handler(async ({ Records }, context): Promise<SQSBatchResponse> => {
		const { ports, queue, remainingMs } = begin(context)
		const results = await settleInOrder(Records.map(readRecord), instanceOf, (message) =>
			handleMessage(message, (delivery) => exportBackup(delivery, remainingMs, ports), queue, Math.random),
		)
		return toBatchResponse(Records, results, (reason) => {
			logger.error('message not finished', { reason })
			metrics.addMetric('Failed_INTERNAL', MetricUnit.Count, 1)
		})
	})

function readRecord(record: SQSRecord): Message {
	const { messageId, body, attributes, messageAttributes, receiptHandle } = record
	const receiveCount = Number(attributes.ApproximateReceiveCount)
	const delivery = toDelivery(
		body,
		{ kind: 'queue', id: messageId },
		{
			regionCode: config.regionCode,
			traceparent: parseTraceparent(messageAttributes.traceparent?.stringValue),
			sentAtMs: attributes.SentTimestamp === undefined ? undefined : Number(attributes.SentTimestamp),
			isLast: receiveCount >= config.maxReceiveCount,
			isRedriven: isRedriven(record),
		},
	)
	return { delivery, body, receiptHandle, receiveCount }
}

/** NCP answers parallel operations on one instance with "busy". */
function instanceOf({ delivery: { request, trigger } }: Message): string {
	return request instanceof RequestInvalid ? trigger.id : request.cloudPostgresqlInstanceNo
}
