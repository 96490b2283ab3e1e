import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { isAwsRefusal } from '../aws-error.ts'
import { ExportError } from '../errors.ts'
import type { CoverageSummary, ObserveCoverage, ObserveSweep } from '../ports.ts'
import { countFailure, SECTIONS, toRunbook } from './observe.ts'

/** One log line and the metrics of each check; those of a policy have its name as a dimension. */
export function createCoverageObserver(
	logger: Logger,
	metrics: Metrics,
	policyMetrics: Metrics,
): ObserveCoverage {
	return (check, ending) => {
		if (ending instanceof ExportError) {
			logFailure('coverage not checked', ending, check, logger)
			countFailure(ending, metrics)
			return
		}
		const { state, counts, unknownObjects, hoursBehind, failingFiles } = ending
		const fields = { ...check, state, ...counts, unknownObjects, hoursBehind, failingFiles }
		if (state === 'covered') logger.info('coverage checked', fields)
		else logger.warn('coverage checked', { ...fields, ...toRunbook('coverage-behind') })
		addPolicyMetrics(check.policy, ending, policyMetrics)
	}
}

/** One log line for each sweep; instances that a policy names and that are not there are a warning. */
export function createSweepObserver(logger: Logger, metrics: Metrics): ObserveSweep {
	return (sweep, ending) => {
		if (ending instanceof ExportError) {
			logFailure('instances not swept', ending, sweep, logger)
			countFailure(ending, metrics)
			return
		}
		const { instances, missing } = ending
		if (missing.length === 0) logger.info('instances swept', { ...sweep, instances })
		else logger.warn('instances swept', { ...sweep, instances, missing: missing.slice(0, MAX_NAMED) })
	}
}

const MAX_NAMED = 20

function logFailure(line: string, error: ExportError, fields: object, logger: Logger): void {
	const { code, message: reason, aws } = error
	const isRefused = aws !== null && isAwsRefusal(aws)
	const runbook = toRunbook(isRefused ? 'aws-refused' : SECTIONS[code])
	const all = { ...fields, code, reason, ...runbook, ...(aws === null ? {} : { aws }) }
	if (isRefused || !error.retryable) logger.error(line, all)
	else logger.warn(line, all)
}

function addPolicyMetrics(
	policy: string,
	{ counts, hoursBehind }: CoverageSummary,
	policyMetrics: Metrics,
): void {
	policyMetrics.addDimension('policy', policy)
	policyMetrics.addMetric('CoverageChecks', MetricUnit.Count, 1)
	policyMetrics.addMetric('BackupsDue', MetricUnit.Count, counts.due)
	policyMetrics.addMetric('BackupsFailing', MetricUnit.Count, counts.failing)
	policyMetrics.addMetric('BackupsGone', MetricUnit.Count, counts.gone)
	policyMetrics.addMetric('HoursBehind', MetricUnit.Count, hoursBehind)
	policyMetrics.publishStoredMetrics()
}
