/**
 * Takes a policy from its schedule and puts one message for each instance on the coverage queue, whose batches it takes, too.
 * Returns the messages that must be delivered again; invoked directly with an instance, its coverage event. Throws
 * `PolicyInvalid`, or `ExportRetryable` when nothing could be concluded.
 */
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { checkCoverage } from '../lib/coverage/check-coverage.ts'
import type { CoverageEvent } from '../lib/coverage/coverage-event.ts'
import { readOrder } from '../lib/coverage/read-order.ts'
import { type Sweep, sweepInstances } from '../lib/coverage/sweep-instances.ts'
import { toExportError } from '../lib/errors.ts'
import { isRecord } from '../lib/formats/json.ts'
import type { CoveragePorts, SweepPorts } from '../lib/ports.ts'
import { handleOrder, type OrderMessage } from '../lib/queue/handle-order.ts'
import { settleInOrder, toBatchResponse } from '../lib/queue/run-batch.ts'
import { wireCoverage } from '../lib/wiring/wire-coverage.ts'

const { config, begin, observeSweep, metrics } = wireCoverage()

export const handler = middy<unknown, SQSBatchResponse | CoverageEvent | Sweep>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<SQSBatchResponse | CoverageEvent | Sweep> => {
		const { ports, hide } = begin(context)
		if (!isBatch(event)) return obey(event, ports)
		const orderPorts = { check: (body: string) => obey(body, ports), hide, random: Math.random }
		const messages = event.Records.map(toMessage)
		const results = await settleInOrder(
			messages,
			({ body }) => body,
			(message) => handleOrder(message, orderPorts),
		)
		return toBatchResponse(event.Records, results, () => undefined)
	})

async function obey(input: unknown, ports: CoveragePorts & SweepPorts): Promise<CoverageEvent | Sweep> {
	const { policy, instanceNo, sweptAt } = readSafely(input, ports.now())
	if (instanceNo !== null) return checkCoverage({ policy, instanceNo, sweptAt }, ports)
	const observed = { policy: policy.name, sweptAt }
	try {
		const sweep = await sweepInstances(policy, sweptAt, ports)
		observeSweep(observed, { instances: sweep.instanceNos.length, missing: sweep.missing })
		return sweep
	} catch (thrown) {
		const error = toExportError(thrown)
		observeSweep(observed, error)
		throw error
	}
}

function readSafely(input: unknown, nowMs: number) {
	try {
		return readOrder(input, config.requestDefaults, nowMs)
	} catch (thrown) {
		const error = toExportError(thrown)
		observeSweep({}, error)
		throw error
	}
}

function isBatch(event: unknown): event is SQSEvent {
	return isRecord(event) && Array.isArray(event.Records)
}

function toMessage({ body, receiptHandle, attributes }: SQSRecord): OrderMessage {
	return { body, receiptHandle, receiveCount: Number(attributes.ApproximateReceiveCount) }
}
