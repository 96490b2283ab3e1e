/**
 * Takes batches of the arrival queue, and a schedule's `{ "report": "freshness" }`, for which it reports how fresh the
 * backups of each instance are. Returns the checks that must be delivered again. Throws when freshness cannot be read.
 */
import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { checkArrival } from '../lib/arrival/check-arrival.ts'
import { parseArrivalCheck } from '../lib/aws/arrival-queue.ts'
import { reportFreshness } from '../lib/observe/freshness.ts'
import { addAge } from '../lib/observe/observe.ts'
import type { ArrivalCheck } from '../lib/ports.ts'
import { handleCheck } from '../lib/queue/handle-check.ts'
import { settleInOrder, toBatchResponse } from '../lib/queue/run-batch.ts'
import { wireArrivalCheck } from '../lib/wiring/wire-arrival.ts'

const { config, begin, metrics, logger } = wireArrivalCheck()

export const handler = middy<SQSEvent | FreshnessEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<SQSBatchResponse> => {
		const { ports, completions } = begin(context)
		if (!('Records' in event)) {
			await reportFreshness(completions.read(), ports.now(), metrics)
			return { batchItemFailures: [] }
		}
		const { Records } = event
		const checkPorts = {
			checkArrival: (check: ArrivalCheck) => checkArrival(check, ports),
			schedule: ports.schedule,
		}
		const results = await settleInOrder(
			Records.map(readRecord),
			exportOf,
			async ({ check, isLast, dueAtMs }) => {
				try {
					if (check === null) throw new NotACheck()
					await handleCheck({ check, isLast }, checkPorts)
				} catch (error) {
					addAge('OverdueMinutes', dueAtMs, ports.now(), metrics)
					throw error
				}
			},
		)
		return toBatchResponse(Records, results, (reason) => {
			logger.error('check not finished', { reason })
			metrics.addMetric('Failed_INTERNAL', MetricUnit.Count, 1)
		})
	})

/** What the schedule sends. */
interface FreshnessEvent {
	report: 'freshness'
}

/** Logged by its name. */
class NotACheck extends Error {
	override readonly name = 'NotACheck'
}

interface ReadRecord {
	messageId: string
	/** Null for a message that is not a check: it fails until it is in the dead-letter queue. */
	check: ArrivalCheck | null
	isLast: boolean
	/** When it was received for the first time. */
	dueAtMs: number | undefined
}

function readRecord({ body, messageId, attributes }: SQSRecord): ReadRecord {
	const { ApproximateReceiveCount: receives, ApproximateFirstReceiveTimestamp: first } = attributes
	const isLast = Number(receives) >= config.maxReceiveCount
	const dueAtMs = first === undefined ? undefined : Number(first)
	return { messageId, check: parseArrivalCheck(body), isLast, dueAtMs }
}

/** Doubled checks of one export run one after another, so the second sees what the first wrote. */
function exportOf({ messageId, check }: ReadRecord): string {
	return check?.exportKey ?? messageId
}
