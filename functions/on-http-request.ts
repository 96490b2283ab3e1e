/**
 * Answers `POST /exports` and `GET /exports/{exportId}` behind an HTTP API, a function URL, a REST API or a load
 * balancer. Never throws: every error becomes a response.
 */
import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { ExportError, RequestInvalid, toExportError } from '../lib/errors.ts'
import { enqueueExport } from '../lib/export/enqueue-export.ts'
import { exportBackup } from '../lib/export/export-backup.ts'
import { publishLater } from '../lib/export/publish-later.ts'
import { parseTraceparent } from '../lib/formats/traceparent.ts'
import { type Delivery, toDelivery, toInvalid } from '../lib/request/delivery.ts'
import {
	type HttpRequest,
	type HttpResponse,
	parseHttpEvent,
	toHttpResult,
} from '../lib/webhook/gateway-event.ts'
import { toLookupResponse, toOutcomeResponse, toQueuedResponse } from '../lib/webhook/outcome-response.ts'
import { toErrorResponse, toUnsupportedResponse } from '../lib/webhook/problem.ts'
import { readIdempotencyKey, readWebhook, type WebhookBody } from '../lib/webhook/read-webhook.ts'
import { type Invocation, wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics, logger } = wire('on-http-request')

export const handler = middy<unknown, object>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<object> => {
		const request = parseHttpEvent(event, context.awsRequestId)
		const response = request === null ? toUnsupportedResponse() : await answerSafely(request, begin(context))
		return toHttpResult(response, event)
	})

async function answerSafely(request: HttpRequest, invocation: Invocation): Promise<HttpResponse> {
	try {
		return await answer(request, invocation)
	} catch (error) {
		// Errors with a code have been logged where they arose.
		if (!(error instanceof ExportError)) reportDefect(error)
		return toErrorResponse(toExportError(error), request.path)
	}
}

function reportDefect(error: unknown): void {
	logger.error('webhook call not finished', { reason: error instanceof Error ? error.name : 'unknown' })
	metrics.addMetric('Failed_INTERNAL', MetricUnit.Count, 1)
}

async function answer(request: HttpRequest, invocation: Invocation): Promise<HttpResponse> {
	const { ports, findExport, readWebhookSecrets } = invocation
	const access = { auth: config.webhookAuth, readSecrets: readWebhookSecrets }
	const body = await readWebhook(request, access, ports.now())
	switch (body.kind) {
		case 'refused':
			logger.info('webhook refused', { status: body.response.status, sourceIp: request.sourceIp })
			// Signatures alone: a wrong method or content type is a mistake, not a stranger.
			if (body.response.status === 401) metrics.addMetric('WebhookRefused', MetricUnit.Count, 1)
			return body.response
		case 'lookup':
			return toLookupResponse(body.exportId, await findExport(body.exportId, ports.now()))
		case 'read': {
			const delivery = readDelivery(request, body, ports.now())
			return body.isAsync ? enqueue(delivery, invocation) : exportNow(delivery, invocation)
		}
	}
}

function readDelivery(request: HttpRequest, body: WebhookBody & { kind: 'read' }, nowMs: number): Delivery {
	return toDelivery(
		body.input,
		{ kind: 'webhook', id: request.id },
		{
			...config.requestDefaults,
			traceparent: parseTraceparent(request.headers.traceparent),
			original: body.original,
			idempotencyKey: readIdempotencyKey(request.headers['idempotency-key']),
			// A gateway calls once, so this is the one time of the call.
			sentAtMs: nowMs,
		},
	)
}

async function exportNow(delivery: Delivery, { ports, queue }: Invocation): Promise<HttpResponse> {
	const ending = await publishLater(exportBackup(delivery, ports), delivery, queue)
	return ending.kind === 'rejected'
		? toErrorResponse(ending.error, '/exports')
		: toOutcomeResponse(ending.event)
}

/** A request that cannot be queued for being invalid is rejected at once: its caller learns of it from the topic, too. */
async function enqueue(delivery: Delivery, invocation: Invocation): Promise<HttpResponse> {
	if (delivery.kind === 'invalid') return exportNow(delivery, invocation)
	try {
		return toQueuedResponse(await enqueueExport(delivery, invocation.queue, invocation.ports))
	} catch (error) {
		if (error instanceof RequestInvalid) return exportNow(toInvalid(delivery, error), invocation)
		throw error
	}
}
