import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, expect, it, vi } from 'vitest'
import { reportFreshness } from '../../lib/observe/freshness.ts'

afterEach(() => vi.restoreAllMocks())

it('reports the minutes since the last arrival per instance, and the maximum', () => {
	const written: string[] = []
	vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
	const completions = [
		{ instance: 'KR/1', atMs: 0 },
		{ instance: 'KR/2', atMs: 3_600_000 },
	]
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	reportFreshness(completions, 3_660_000, metrics)
	expect(written.map((line) => JSON.parse(line))).toMatchObject([
		{ instance: 'KR/1', MinutesSinceCompleted: 61 },
		{ instance: 'KR/2', MinutesSinceCompleted: 1 },
	])
	expect(metrics.serializeMetrics()).toMatchObject({ OldestCompletionMinutes: 61 })
})

it('reports 0 when no export has arrived yet, so that only a stopped schedule means missing data', () => {
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	reportFreshness([], 3_660_000, metrics)
	expect(metrics.serializeMetrics()).toMatchObject({ OldestCompletionMinutes: 0 })
})
