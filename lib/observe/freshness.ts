import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import type { Completion } from '../ports.ts'

/**
 * How long ago an export of each instance was seen to arrive, and the longest of these times: an alarm on it tells that
 * exports have silently stopped. Reported also when there are no completions, so a missing report has one meaning. The
 * metric of an instance is written at once, so only one page is in memory. Rejects with what the pages throw.
 */
export async function reportFreshness(
	pages: AsyncIterable<readonly Completion[]>,
	nowMs: number,
	metrics: Metrics,
): Promise<void> {
	let oldestMinutes = 0
	// Empty again after each metric. One for each instance would have a console of its own, and 20,000 need 100 MB.
	const metric = metrics.singleMetric()
	for await (const page of pages) {
		for (const { instance, atMs } of page) {
			// An export may complete while the pages are read.
			const minutes = Math.max(0, Math.floor((nowMs - atMs) / 60_000))
			oldestMinutes = Math.max(oldestMinutes, minutes)
			metric.addDimension('instance', instance)
			metric.addMetric('MinutesSinceCompleted', MetricUnit.Count, minutes)
		}
	}
	metrics.addMetric('OldestCompletionMinutes', MetricUnit.Count, oldestMinutes)
}
