import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Completion } from '../ports.ts'

/**
 * How long ago an export of each instance was seen to arrive, and the longest of these times: an alarm on it tells that
 * exports have silently stopped. Reported also when there are no completions, so a missing report has one meaning.
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
