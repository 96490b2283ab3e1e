import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { ArrivalPorts } from '../arrival/arrival-ports.ts'
import type { Completion } from '../aws/completions.ts'
import { ExportError, RequestInvalid } from '../errors.ts'
import type { ExportPorts } from '../export/export-ports.ts'
import type { OutcomeData, OutcomeEvent } from '../outcome/outcome.ts'
import type { Delivery } from '../request/delivery.ts'
import type { Progress } from './step-times.ts'

/**
 * One log line for what became of a delivery, and its metrics: the state or the error, and how long NCP took. Only
 * named fields are logged, never a whole request, error, header or configuration, so no key, secret or signature can
 * get in.
 */
export function createObserver(logger: Logger, metrics: Metrics): ExportPorts['observe'] {
	return (delivery, ending, progress) => {
		addCallTime(progress, metrics)
		const fields = { ...toDeliveryFields(delivery), ...toProgressFields(progress) }
		if (ending instanceof ExportError) {
			const { code, replyCode, message, retryAfterSeconds } = ending
			logger.warn('export not finished', { ...fields, code, replyCode, reason: message, retryAfterSeconds })
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

function addCallTime({ stepMs }: Progress, metrics: Metrics): void {
	if (stepMs.call !== undefined) metrics.addMetric('NcpCallMs', MetricUnit.Milliseconds, stepMs.call)
}

function toDeliveryFields({ request, trigger, traceparent }: Delivery) {
	const fields = { trigger, traceparent }
	if (request instanceof RequestInvalid) return fields
	const { cloudPostgresqlInstanceNo, fileName, bucketName, regionCode } = request
	return { ...fields, cloudPostgresqlInstanceNo, fileName, bucketName, regionCode }
}

function toProgressFields({ exportId, attempts, reply, stepMs }: Progress) {
	return { exportId, attempts, ...toReplyFields(reply), stepMs }
}

function toReplyFields(
	reply: { requestId: string | null; traceId: string | null; httpStatus: number | null } | null,
) {
	if (reply === null) return {}
	const { requestId, traceId, httpStatus } = reply
	return { ncpRequestId: requestId, ncpTraceId: traceId, httpStatus }
}

function toOutcomeFields({ id, data }: OutcomeEvent) {
	const { exportId, state, attempts, reply, error, requestedAt, settledAt } = data
	return {
		eventId: id,
		exportId,
		state,
		attempts,
		...toReplyFields(reply),
		code: error?.code,
		ncpCode: error?.ncpCode,
		reason: error?.message,
		durationMs: Date.parse(settledAt) - Date.parse(requestedAt),
	}
}

/** One log line for a check, which names every object that could be the one, and the metrics of what it found. */
export function createCheckObserver(logger: Logger, metrics: Metrics): ArrivalPorts['observe'] {
	return ({ exportId, check }, ending, progress) => {
		addCallTime(progress, metrics)
		const fields = { exportId, check, stepMs: progress.stepMs }
		switch (ending.kind) {
			case 'outcome': {
				const { candidates, entry } = ending
				const { event } = entry
				const { traceparent } = event
				const { request, object, trigger } = event.data
				const all = {
					...fields,
					trigger,
					traceparent,
					...request,
					...toOutcomeFields(event),
					object,
					candidates,
				}
				if (event.data.error === null) logger.info(`export ${event.data.state}`, all)
				else logger.warn(`export ${event.data.state}`, all)
				metrics.addMetric(`Export_${event.data.state}`, MetricUnit.Count, 1)
				if (event.data.state === 'completed')
					metrics.addMetric('ArrivalSeconds', MetricUnit.Seconds, secondsBetween(event.data))
				return
			}
			case 'waiting': {
				const { event, finding, delaySeconds: nextInSeconds } = ending
				const { request, traceparent } = { ...event.data, ...event }
				logger.info('export not arrived yet', {
					...fields,
					traceparent,
					...request,
					...finding,
					nextInSeconds,
				})
				return
			}
			case 'stale':
				logger.debug('check out of date', fields)
				return
			case 'failed': {
				const { code, message: reason } = ending.error
				logger.warn('check not finished', { ...fields, code, reason })
				metrics.addMetric(`Failed_${code}`, MetricUnit.Count, 1)
			}
		}
	}
}

function secondsBetween({ requestedAt, settledAt }: OutcomeData): number {
	return (Date.parse(settledAt) - Date.parse(requestedAt)) / 1000
}

/**
 * How long ago an export of each instance was seen to arrive, and the oldest of all: an alarm on that one tells that
 * exports have silently stopped. It is reported also when there are none, so that its silence has one meaning.
 */
export function reportFreshness(completions: readonly Completion[], nowMs: number, metrics: Metrics): void {
	let oldestMinutes = 0
	for (const { instance, atMs } of completions) {
		const minutes = Math.floor((nowMs - atMs) / 60_000)
		oldestMinutes = Math.max(oldestMinutes, minutes)
		const metric = metrics.singleMetric()
		metric.addDimension('instance', instance)
		metric.addMetric('MinutesSinceCompleted', MetricUnit.Count, minutes)
	}
	metrics.addMetric('OldestCompletionMinutes', MetricUnit.Count, oldestMinutes)
}
