/**
 * Takes direct invocations, EventBridge and SNS events, and steps of Step Functions. Returns the outcome event, so that a
 * state machine's next step can choose by `data.state`. Throws `RequestInvalid`, or `ExportRetryable` for what may be
 * sent again. `{ "exportId" }` only looks: it returns the stored outcome, or throws `ExportNotFound`.
 */
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { ExportNotFound } from '../lib/errors.ts'
import { exportBackup } from '../lib/export/export-backup.ts'
import type { OutcomeEvent } from '../lib/outcome/outcome.ts'
import type { FindExport } from '../lib/ports.ts'
import { toDelivery } from '../lib/request/delivery.ts'
import { readLookup, readPipelineEvent } from '../lib/request/pipeline-event.ts'
import { wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics } = wire('on-pipeline-event')

export const handler = middy<unknown, OutcomeEvent>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<OutcomeEvent> => {
		const { ports, findExport } = begin(context)
		const asked = readLookup(event)
		if (asked !== null) return lookUp(asked, findExport, ports.now())
		const { input, id, sentAtMs } = readPipelineEvent(event, context.awsRequestId)
		const delivery = toDelivery(input, { kind: 'pipeline', id }, { ...config.requestDefaults, sentAtMs })
		const ending = await exportBackup(delivery, ports)
		if (ending.kind !== 'published') throw ending.error
		return ending.event
	})

/** So that a state machine waits for the last word with a Wait and a Choice on `data.terminal`. Publishes nothing. */
async function lookUp(exportId: string, findExport: FindExport, nowMs: number): Promise<OutcomeEvent> {
	const entry = await findExport(exportId, nowMs)
	if (entry?.event == null) throw new ExportNotFound(exportId)
	return entry.event
}
