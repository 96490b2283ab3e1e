import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, expect, it, vi } from 'vitest'
import { reportFreshness } from '../../lib/observe/freshness.ts'
import type { Completion } from '../../lib/ports.ts'

async function* toPages(...pages: Completion[][]): AsyncGenerator<Completion[]> {
	yield* pages
}

afterEach(() => vi.restoreAllMocks())

it('reports the minutes since the last arrival per instance, and the maximum', async () => {
	const written: string[] = []
	vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
	const completions = toPages(
		[{ instance: 'KR/1', atMs: 0 }],
		[
			{ instance: 'KR/2', atMs: 3_600_000 },
			// Completed after the report began.
			{ instance: 'KR/3', atMs: 3_661_000 },
		],
	)
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	await reportFreshness(completions, 3_660_000, metrics)
	expect(written.map((line) => JSON.parse(line))).toMatchObject([
		{ instance: 'KR/1', MinutesSinceCompleted: 61 },
		{ instance: 'KR/2', MinutesSinceCompleted: 1 },
		{ instance: 'KR/3', MinutesSinceCompleted: 0 },
	])
	expect(metrics.serializeMetrics()).toMatchObject({ OldestCompletionMinutes: 61 })
})

it('reports 0 when no export has arrived yet, so that only a stopped schedule means missing data', async () => {
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	await reportFreshness(toPages([]), 3_660_000, metrics)
	expect(metrics.serializeMetrics()).toMatchObject({ OldestCompletionMinutes: 0 })
})

it('writes the metrics of a page before it reads the next one', async () => {
	const written: string[] = []
	vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
	async function* failing() {
		yield [{ instance: 'KR/1', atMs: 0 }]
		expect(written).toHaveLength(1)
		throw new Error('down')
	}
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	await expect(reportFreshness(failing(), 60_000, metrics)).rejects.toThrow('down')
	expect(metrics.hasStoredMetrics()).toBe(false)
})
