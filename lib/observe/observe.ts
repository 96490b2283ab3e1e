import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { isAwsRefusal } from '../aws-error.ts'
import { type ErrorCode, ExportError } from '../errors.ts'
import type { OutcomeData, OutcomeEvent, State } from '../outcome/outcome.ts'
import type { CheckEnding, ObserveCheck, ObserveExport, ObserveUnrecorded, Progress } from '../ports.ts'
import { productOf } from '../products.ts'
import type { Delivery } from '../request/delivery.ts'
import { toApiRequest } from '../request/export-request.ts'

/**
 * One log line for how a delivery ended, and its metrics: the state or the error, and how long NCP took. Only named
 * fields are logged, never a whole request, error, header or configuration, so no key, secret or signature gets in.
 */
export function createExportObserver(logger: Logger, metrics: Metrics, now: () => number): ObserveExport {
	return (delivery, ending, progress) => {
		addCallTime(progress, metrics)
		const fields = { ...toDeliveryFields(delivery), ...toProgressFields(progress) }
		if (ending instanceof ExportError) {
			const { replyCode, retryAfterSeconds } = ending
			logFailure('export not finished', ending, { ...fields, replyCode, retryAfterSeconds }, progress, logger)
			countFailure(ending, metrics)
			addAge('WaitingMinutes', delivery.sentAtMs, now(), metrics)
		} else {
			logOutcome(ending, fields, logger, metrics)
		}
	}
}

/** One log line for a check, which names every object that could be the backup, and the metrics of what it found. */
export function createCheckObserver(logger: Logger, metrics: Metrics): ObserveCheck {
	return ({ exportId, check }, ending, progress) => {
		addCallTime(progress, metrics)
		const { reply, stepMs } = progress
		const fields = { exportId, check, ...toReplyFields(reply), stepMs }
		if (ending instanceof ExportError) {
			logFailure('check not finished', ending, fields, progress, logger)
			countFailure(ending, metrics)
		} else {
			logCheck(ending, fields, logger, metrics)
		}
	}
}

/** Counts what is tried again by its code, and what no waiting mends once more: that has an alarm of its own. */
export function countFailure({ code, aws }: ExportError, metrics: Metrics): void {
	metrics.addMetric(`Failed_${code}`, MetricUnit.Count, 1)
	if (aws !== null && isAwsRefusal(aws)) metrics.addMetric('AwsRefused', MetricUnit.Count, 1)
}

/** The section of docs/runbook.md that says what to do. */
export const SECTIONS: Readonly<Partial<Record<ErrorCode, string>>> = {
	NCP_CREDENTIALS: 'credentials',
	NCP_LATER: 'waiting',
	SECRET_UNREADABLE: 'secret',
	LEDGER_UNAVAILABLE: 'ledger',
	PUBLISH_FAILED: 'publishing',
	SCHEDULE_FAILED: 'scheduling',
	QUEUE_UNAVAILABLE: 'queueing',
	EXPORT_GONE: 'arrivals-dead',
	POLICY_INVALID: 'coverage-policy',
	BUCKET_UNREADABLE: 'coverage-bucket',
	INTERNAL: 'internal',
}

/** Each of these states has a section of its own. */
const STATES_WITH_SECTION: ReadonlySet<State> = new Set([
	'refused',
	'exhausted',
	'missing',
	'unverified',
	'unknown',
])

export function toRunbook(section: string | undefined): { runbook?: string } {
	return section === undefined ? {} : { runbook: `docs/runbook.md#${section}` }
}

/** How long something waits that could not be finished now. Nothing when its beginning is not known. */
export function addAge(metric: string, sinceMs: number | undefined, nowMs: number, metrics: Metrics): void {
	if (sinceMs === undefined) return
	metrics.addMetric(metric, MetricUnit.Count, Math.max(0, Math.floor((nowMs - sinceMs) / 60_000)))
}

function logFailure(
	line: string,
	{ code, message: reason, aws }: ExportError,
	fields: object,
	{ failedStep: step }: Progress,
	logger: Logger,
): void {
	const isRefused = aws !== null && isAwsRefusal(aws)
	const runbook = toRunbook(isRefused ? 'aws-refused' : SECTIONS[code])
	const all = { ...fields, code, reason, step, ...runbook, ...(aws === null ? {} : { aws }) }
	if (isRefused) logger.error(line, all)
	else logger.warn(line, all)
}

/** No metric: `Failed_…` counts what is tried again. */
export function createUnrecordedObserver(logger: Logger): ObserveUnrecorded {
	return ({ exportId, check }, { code, message: reason }) =>
		logger.warn('completion not recorded', { exportId, check, code, reason })
}

function logCheck(ending: CheckEnding, fields: object, logger: Logger, metrics: Metrics): void {
	switch (ending.kind) {
		case 'outcome': {
			const { event } = ending.entry
			const { data, traceparent } = event
			const { request, object, trigger } = data
			const product = request === null ? undefined : productOf(request)
			const all = {
				...fields,
				trigger,
				traceparent,
				product,
				...request,
				object,
				candidates: ending.candidates,
			}
			logOutcome(event, all, logger, metrics)
			if (data.state === 'completed')
				metrics.addMetric('ArrivalSeconds', MetricUnit.Seconds, durationMs(data) / 1000)
			return
		}
		case 'waiting': {
			const { entry, finding, delaySeconds: nextInSeconds } = ending
			const { traceparent, data } = entry.event
			logger.info('export not arrived yet', {
				...fields,
				traceparent,
				...data.request,
				...finding,
				nextInSeconds,
			})
			return
		}
		case 'stale':
			logger.debug('check out of date', fields as Record<string, unknown>)
	}
}

function logOutcome(event: OutcomeEvent, fields: object, logger: Logger, metrics: Metrics): void {
	const { state, error } = event.data
	const line = `export ${state}`
	const runbook = toRunbook(STATES_WITH_SECTION.has(state) ? state : undefined)
	const all = { ...fields, ...toOutcomeFields(event), ...runbook }
	if (error === null) logger.info(line, all)
	else logger.warn(line, all)
	metrics.addMetric(`Export_${state}`, MetricUnit.Count, 1)
}

function addCallTime({ stepMs }: Progress, metrics: Metrics): void {
	if (stepMs.call !== undefined) metrics.addMetric('NcpCallMs', MetricUnit.Milliseconds, stepMs.call)
}

function toDeliveryFields(delivery: Delivery) {
	const { trigger, traceparent } = delivery
	if (delivery.kind === 'invalid') return { trigger, traceparent }
	const { product, instanceNo, fileName, chosen, bucketName, folderPath, regionCode } = delivery.request
	return {
		trigger,
		traceparent,
		product,
		...toApiRequest({ product, instanceNo, fileName, chosen, bucketName }),
		folderPath,
		regionCode,
	}
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
	const { exportId, state, attempts, reply, error } = data
	return {
		eventId: id,
		exportId,
		state,
		attempts,
		...toReplyFields(reply),
		code: error?.code,
		ncpCode: error?.ncpCode,
		reason: error?.message,
		durationMs: durationMs(data),
	}
}

/** From the request to the state. */
function durationMs({ requestedAt, settledAt }: OutcomeData): number {
	return Date.parse(settledAt) - Date.parse(requestedAt)
}
