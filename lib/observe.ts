import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { ExportError, RequestInvalid } from './errors.ts'
import type { Delivery, ExportPorts } from './export-backup.ts'
import type { OutcomeEvent } from './outcome.ts'

/**
 * One log line and one count for what became of a delivery. Only named fields are logged, never a whole request,
 * error, header or configuration, so no key, secret or signature can get in.
 */
export function createObserver(logger: Logger, metrics: Metrics): ExportPorts['observe'] {
	return (delivery, ending) => {
		const fields = {
			trigger: delivery.trigger,
			traceparent: delivery.traceparent,
			...toRequestFields(delivery),
		}
		if (ending instanceof ExportError) {
			const { code, message, retryAfterSeconds } = ending
			logger.warn('export not finished', { ...fields, code, reason: message, retryAfterSeconds })
			metrics.addMetric(`Failed_${code}`, MetricUnit.Count, 1)
			return
		}
		const line = `export ${ending.data.state}`
		const all = { ...fields, ...toOutcomeFields(ending) }
		if (ending.data.error === null) logger.info(line, all)
		else logger.warn(line, all)
		metrics.addMetric(`Export_${ending.data.state}`, MetricUnit.Count, 1)
	}
}

function toRequestFields({ request }: Delivery): Record<string, string | undefined> {
	if (request instanceof RequestInvalid) return {}
	const { cloudPostgresqlInstanceNo, fileName, bucketName, regionCode } = request
	return { cloudPostgresqlInstanceNo, fileName, bucketName, regionCode }
}

function toOutcomeFields({ id, data }: OutcomeEvent) {
	const { exportId, state, attempts, reply, error, requestedAt, settledAt } = data
	return {
		eventId: id,
		exportId,
		state,
		attempts,
		ncpRequestId: reply?.requestId,
		ncpTraceId: reply?.traceId,
		httpStatus: reply?.httpStatus,
		code: error?.code,
		ncpCode: error?.ncpCode,
		reason: error?.message,
		durationMs: Date.parse(settledAt) - Date.parse(requestedAt),
	}
}
