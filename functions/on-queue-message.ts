/**
 * Takes batches of the request queue. Returns the messages that must be delivered again; all others are finished, also
 * when NCP refused or the request was invalid. Throws only for an event that is not a batch.
 */
import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { exportBackup } from '../lib/export/export-backup.ts'
import { parseTraceparent } from '../lib/formats/traceparent.ts'
import { handleMessage, type Message } from '../lib/queue/handle-message.ts'
import { settleInOrder, toBatchResponse } from '../lib/queue/run-batch.ts'
import { toDelivery } from '../lib/request/delivery.ts'
import { toInstance } from '../lib/request/export-identity.ts'
import { COVERAGE_POLICY, isRedriven } from '../lib/request/message-attributes.ts'
import { wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics, logger } = wire('on-queue-message')

export const handler = middy<SQSEvent, SQSBatchResponse>({
	// Each record has its own, earlier deadline. middy's would report finished records as failed.
	timeoutEarlyInMillis: 0,
})
	.use(logMetrics(metrics))
	.handler(async ({ Records }, context): Promise<SQSBatchResponse> => {
		const { ports, queue } = begin(context)
		const messagePorts = {
			exportBackup: (delivery: Message['delivery']) => exportBackup(delivery, ports),
			queue,
			random: ports.random,
			observe: ports.observe,
		}
		const results = await settleInOrder(Records.map(readRecord), instanceOf, (message) =>
			handleMessage(message, messagePorts),
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
			...config.requestDefaults,
			traceparent: parseTraceparent(messageAttributes.traceparent?.stringValue),
			sentAtMs: attributes.SentTimestamp === undefined ? undefined : Number(attributes.SentTimestamp),
			isLast: receiveCount >= config.maxReceiveCount,
			isRedriven: isRedriven(record),
			coveragePolicy: messageAttributes[COVERAGE_POLICY]?.stringValue,
		},
	)
	return { delivery, body, receiptHandle, receiveCount }
}

/** Exports of one instance run one after another: NCP answers parallel operations on it with "busy". */
function instanceOf({ delivery }: Message): string {
	return delivery.kind === 'valid' ? toInstance(delivery.request) : delivery.trigger.id
}
