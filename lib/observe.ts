import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Completion } from './aws/completions.ts'
import type { ArrivalPorts } from './check-arrival.ts'
import type { Delivery } from './delivery.ts'
import { ExportError, RequestInvalid } from './errors.ts'
import type { ExportPorts } from './export-ports.ts'
import type { OutcomeData, OutcomeEvent } from './outcome.ts'

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

/** One log line for a check, which names every object that could be the one, and a count for what it found. */
export function createCheckObserver(logger: Logger, metrics: Metrics): ArrivalPorts['observe'] {
	return ({ exportId, check }, ending) => {
		const fields = { exportId, check }
		switch (ending.kind) {
			case 'outcome': {
				const { id, data } = ending.event
				const { state, request, object, attempts } = data
				logger.info(`export ${state}`, {
					...fields,
					eventId: id,
					state,
					...request,
					object,
					attempts,
					candidates: ending.candidates,
				})
				metrics.addMetric(`Export_${state}`, MetricUnit.Count, 1)
				if (state === 'completed')
					metrics.addMetric('ArrivalSeconds', MetricUnit.Seconds, secondsBetween(data))
				return
			}
			case 'waiting':
				logger.info('export not arrived yet', {
					...fields,
					...ending.finding,
					nextInSeconds: ending.delaySeconds,
				})
				return
			case 'stale':
				logger.debug('check out of date', fields)
				return
			case 'failed':
				logger.warn('check not finished', {
					...fields,
					code: ending.error.code,
					reason: ending.error.message,
				})
				metrics.addMetric(`Failed_${ending.error.code}`, MetricUnit.Count, 1)
		}
	}
}

function secondsBetween({ requestedAt, settledAt }: OutcomeData): number {
	return (Date.parse(settledAt) - Date.parse(requestedAt)) / 1000
}

/** One metric an instance, so that an alarm can tell that its exports have silently stopped. */
export function reportFreshness(completions: readonly Completion[], nowMs: number, metrics: Metrics): void {
	for (const { instance, atMs } of completions) {
		const metric = metrics.singleMetric()
		metric.addDimension('instance', instance)
		metric.addMetric('MinutesSinceCompleted', MetricUnit.Count, Math.floor((nowMs - atMs) / 60_000))
	}
}
