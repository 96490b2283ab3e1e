import { checkArrival } from '../../lib/arrival/check-arrival.ts'
import { parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'
import { checkCoverage } from '../../lib/coverage/check-coverage.ts'
import { readOrder } from '../../lib/coverage/read-order.ts'
import { sweepInstances } from '../../lib/coverage/sweep-instances.ts'
import { ExportError, RequestInvalid } from '../../lib/errors.ts'
import { enqueueExport } from '../../lib/export/enqueue-export.ts'
import { exportBackup } from '../../lib/export/export-backup.ts'
import { publishLater } from '../../lib/export/publish-later.ts'
import { handleCheck } from '../../lib/queue/handle-check.ts'
import { handleMessage } from '../../lib/queue/handle-message.ts'
import { handleOrder } from '../../lib/queue/handle-order.ts'
import { type Delivery, toDelivery, toInvalid } from '../../lib/request/delivery.ts'
import { COVERAGE_POLICY, REDRIVEN_FROM } from '../../lib/request/message-attributes.ts'
import type { Ports } from './ports.ts'
import type { Actor, Message, World } from './world.ts'

/** What `functions/` does with each event, without Lambda around it. */

/** The delivery that a message of the request queue makes. */
export function readMessage({ id, body, attributes, sentAtMs, receives }: Message, world: World): Delivery {
	return toDelivery(
		body,
		{ kind: 'queue', id },
		{
			sentAtMs,
			isLast: receives >= world.settings.maxReceives.requests,
			isRedriven: attributes[REDRIVEN_FROM] !== undefined,
			coveragePolicy: attributes[COVERAGE_POLICY],
		},
	)
}

export function toActor(name: string, kind: Actor['kind'], world: World): Actor {
	return {
		name,
		kind,
		startedAtMs: world.nowMs,
		request: null,
		isForCoverage: false,
		exportId: null,
		wasThere: null,
		made: 0,
	}
}

/** The actor of a delivery: the judge knows what was asked of it. */
export function toExporter(name: string, delivery: Delivery, world: World): Actor {
	return {
		...toActor(name, 'export', world),
		request: delivery.kind === 'valid' ? delivery.request : null,
		isForCoverage: delivery.coveragePolicy !== undefined,
	}
}

/** As on-queue-message: rejects when the message must be delivered again. */
export async function onQueueMessage(message: Message, delivery: Delivery, ports: Ports): Promise<void> {
	const { id, body, receives } = message
	await handleMessage(
		{ delivery, body, receiptHandle: id, receiveCount: receives },
		{
			exportBackup: (each) => exportBackup(each, ports.export),
			queue: ports.queue,
			random: ports.export.random,
			observe: ports.export.observe,
		},
	)
}

/** As on-http-request: resolves with true when the caller need not call again. */
export async function onHttpRequest(delivery: Delivery, isAsync: boolean, ports: Ports): Promise<boolean> {
	const exportNow = (each: Delivery) => publishLater(exportBackup(each, ports.export), each, ports.queue)
	try {
		if (!isAsync || delivery.kind === 'invalid') await exportNow(delivery)
		else await enqueue(delivery, ports, exportNow)
		return true
	} catch (error) {
		return error instanceof ExportError && !error.retryable
	}
}

async function enqueue(
	delivery: Delivery & { kind: 'valid' },
	ports: Ports,
	exportNow: (each: Delivery) => Promise<unknown>,
): Promise<void> {
	try {
		await enqueueExport(delivery, ports.queue, ports.export)
	} catch (error) {
		if (!(error instanceof RequestInvalid)) throw error
		await exportNow(toInvalid(delivery, error))
	}
}

/** As on-pipeline-event: resolves with true when the caller need not call again. */
export async function onPipelineEvent(delivery: Delivery, ports: Ports): Promise<boolean> {
	return exportBackup(delivery, ports.export).then(
		({ kind }) => kind !== 'unpublished',
		(error) => error instanceof ExportError && !error.retryable,
	)
}

/** As on-arrival-check: rejects when the check must be delivered again. */
export async function onArrivalCheck(message: Message, ports: Ports, world: World): Promise<void> {
	const check = parseArrivalCheck(message.body)
	if (check === null) throw new Error('the message is no check')
	await handleCheck(
		{ check, isLast: message.receives >= world.settings.maxReceives.arrivals },
		{ checkArrival: (each) => checkArrival(each, ports.arrival), schedule: ports.arrival.schedule },
	)
}

/** As on-coverage-check for a message of its queue: rejects when it must be delivered again. */
export async function onCoverageCheck(message: Message, ports: Ports): Promise<void> {
	await handleOrder(
		{ body: message.body, receiptHandle: message.id, receiveCount: message.receives },
		{
			check: (body) => onOrder(body, ports),
			hide: ports.queue.hide,
			random: ports.export.random,
		},
	)
}

/** A sweep, or the check of one instance. */
export async function onOrder(body: string, { coverage }: Ports): Promise<void> {
	const { policy, instanceNo, sweptAt } = readOrder(body, {}, coverage.now())
	if (instanceNo === null) await sweepInstances(policy, sweptAt, coverage)
	else await checkCoverage({ policy, instanceNo, sweptAt }, coverage)
}
