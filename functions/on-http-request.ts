import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import httpSecurityHeaders from '@middy/http-security-headers'
import type { Context } from 'aws-lambda'
import { ExportError, RequestInvalid, toExportError } from '../lib/errors.ts'
import { enqueueExport } from '../lib/export/enqueue-export.ts'
import { exportBackup } from '../lib/export/export-backup.ts'
import { publishLater } from '../lib/export/publish-later.ts'
import { parseTraceparent } from '../lib/formats/traceparent.ts'
import { type Delivery, toDelivery } from '../lib/request/delivery.ts'
import {
	type HttpRequest,
	type HttpResponse,
	type HttpResult,
	parseHttpEvent,
	toCallersFormat,
	toHttpResult,
} from '../lib/webhook/gateway-event.ts'
import { toLookupResponse, toOutcomeResponse, toQueuedResponse } from '../lib/webhook/outcome-response.ts'
import { toErrorResponse, toUnsupportedResponse } from '../lib/webhook/problem.ts'
import { readIdempotencyKey, readWebhook } from '../lib/webhook/read-webhook.ts'
import { wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics, logger } = wire('on-http-request')

export const handler = middy<unknown, HttpResult>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.after((request) => {
		// Registered first, so it runs last: the security headers are in it.
		if (request.response) request.response = toCallersFormat(request.response, request.event) as HttpResult
	})
	.use(httpSecurityHeaders())
	.handler(async (event, context): Promise<HttpResult> => {
		const request = parseHttpEvent(event, context.awsRequestId)
		if (request === null) return toHttpResult(toUnsupportedResponse())
		return toHttpResult(
			await answer(request, context).catch((error) => {
				if (!(error instanceof ExportError)) reportDefect(error)
				return toErrorResponse(toExportError(error), request.path)
			}),
		)
	})

/** The use case reports its own; nobody else would tell the operator of these. */
function reportDefect(error: unknown): void {
	logger.error('webhook call not finished', { reason: error instanceof Error ? error.name : 'unknown' })
	metrics.addMetric('Failed_INTERNAL', MetricUnit.Count, 1)
}

async function answer(request: HttpRequest, context: Context): Promise<HttpResponse> {
	const { ports, queue, findExport, readWebhookSecrets, remainingMs } = begin(context)
	const body = await readWebhook(
		request,
		{ auth: config.webhookAuth, readSecrets: readWebhookSecrets },
		ports.now(),
	)
	if (body.kind === 'refused') {
		logger.info('webhook refused', { status: body.response.status, sourceIp: request.sourceIp })
		metrics.addMetric('WebhookRefused', MetricUnit.Count, 1)
		return body.response
	}
	if (body.kind === 'lookup')
		return toLookupResponse(body.exportId, await findExport(body.exportId, ports.now()))
	const delivery = toDelivery(
		body.input,
		{ kind: 'webhook', id: request.id },
		{
			regionCode: config.regionCode,
			traceparent: parseTraceparent(request.headers.traceparent),
			original: body.original,
			idempotencyKey: readIdempotencyKey(request.headers['idempotency-key']),
			// A gateway calls once, so this is the one time of the call.
			sentAtMs: ports.now(),
		},
	)
	const exportNow = async (now: Delivery): Promise<HttpResponse> =>
		toOutcomeResponse(
			await exportBackup(now, remainingMs, ports).catch((error) => publishLater(error, now, queue)),
		)
	if (!body.isAsync || delivery.request instanceof RequestInvalid) return exportNow(delivery)
	try {
		return toQueuedResponse(await enqueueExport(delivery, queue, ports))
	} catch (error) {
		// Whoever does not wait for the answer learns of it from the topic.
		if (error instanceof RequestInvalid) return exportNow({ ...delivery, request: error })
		throw error
	}
}
