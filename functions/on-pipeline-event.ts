import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { exportBackup } from '../lib/export/export-backup.ts'
import type { OutcomeEvent } from '../lib/outcome/outcome.ts'
import { toRequestInvalid } from '../lib/outcome/rejected-outcome.ts'
import { toDelivery } from '../lib/request/delivery.ts'
import { readPipelineEvent } from '../lib/request/pipeline-event.ts'
import { wire } from '../lib/wiring/wire.ts'

const { config, begin, metrics } = wire('on-pipeline-event')

/** Returns the outcome event, so that a state machine's next step can choose by `data.state`. Throws `RequestInvalid`, or `ExportRetryable` for what may be sent again. */
export const handler = middy<unknown, OutcomeEvent>({ timeoutEarlyInMillis: 0 })
	.use(logMetrics(metrics))
	.handler(async (event, context): Promise<OutcomeEvent> => {
		const { ports, remainingMs } = begin(context)
		const { input, id, sentAtMs } = readPipelineEvent(event, context.awsRequestId)
		const delivery = toDelivery(input, { kind: 'pipeline', id }, { regionCode: config.regionCode, sentAtMs })
		const outcome = await exportBackup(delivery, remainingMs, ports)
		const invalid = toRequestInvalid(outcome)
		if (invalid !== null) throw invalid
		return outcome
	})
