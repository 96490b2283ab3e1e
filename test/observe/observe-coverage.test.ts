import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, expect, it, vi } from 'vitest'
import { AwsError } from '../../lib/aws-error.ts'
import { ExportError, PolicyInvalid } from '../../lib/errors.ts'
import { createCoverageObserver, createSweepObserver } from '../../lib/observe/observe-coverage.ts'
import type { CoverageSummary } from '../../lib/ports.ts'

const lines: string[] = []

afterEach(() => {
	lines.length = 0
	vi.restoreAllMocks()
})

const CHECK = { policy: 'nightly', product: 'postgresql', instanceNo: '1', sweptAt: 's' } as const

const SUMMARY: CoverageSummary = {
	state: 'covered',
	counts: { covered: 3, underWay: 0, due: 2, failing: 1, gone: 4, running: 0 },
	unknownObjects: 5,
	hoursBehind: 0,
	failingFiles: [],
}

function start() {
	for (const stream of [process.stdout, process.stderr])
		vi.spyOn(stream, 'write').mockImplementation((line) => lines.push(String(line)) > 0)
	const logger = new Logger({ serviceName: 's' })
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	const policyMetrics = new Metrics({ namespace: 'N', serviceName: 's' })
	return {
		observe: createCoverageObserver(logger, metrics, policyMetrics),
		observeSweep: createSweepObserver(logger, metrics),
		read: () => lines.map((line) => JSON.parse(line)),
		failures: () => metrics.serializeMetrics(),
	}
}

it('writes one line for each check, and its metrics with the policy as a dimension', () => {
	const { observe, read } = start()
	observe(CHECK, SUMMARY)
	observe({ ...CHECK, policy: 'weekly' }, { ...SUMMARY, state: 'behind', hoursBehind: 7.5 })
	const [line, metric, second, other] = read()
	expect(line).toMatchObject({
		level: 'INFO',
		message: 'coverage checked',
		...CHECK,
		due: 2,
		unknownObjects: 5,
	})
	expect(line).not.toHaveProperty('runbook')
	expect(metric).toMatchObject({
		service: 's',
		policy: 'nightly',
		CoverageChecks: 1,
		BackupsDue: 2,
		BackupsFailing: 1,
		BackupsGone: 4,
		HoursBehind: 0,
	})
	expect(metric._aws.CloudWatchMetrics[0].Dimensions).toEqual([['service', 'policy']])
	expect(second).toMatchObject({ level: 'WARN', state: 'behind', runbook: 'docs/runbook.md#coverage-behind' })
	expect(other).toMatchObject({ policy: 'weekly', HoursBehind: 7.5 })
})

it('counts a check that could not be made by its error, and writes no metric of the policy', () => {
	const { observe, read, failures } = start()
	observe(CHECK, new ExportError('NCP_LATER', '7 of 9 rows'))
	const all = read()
	expect(all).toHaveLength(1)
	expect(all[0]).toMatchObject({
		level: 'WARN',
		message: 'coverage not checked',
		code: 'NCP_LATER',
		instanceNo: '1',
	})
	expect(failures()).toMatchObject({ Failed_NCP_LATER: 1 })
})

it('writes an error when AWS refuses, or the policy is wrong', () => {
	const { observe, observeSweep, read, failures } = start()
	const cause = new AwsError('AccessDenied', { service: 'sqs', action: 'SendMessage', httpStatus: 403 })
	observe(CHECK, new ExportError('QUEUE_UNAVAILABLE', 'no', { cause }))
	observeSweep({}, new PolicyInvalid([{ field: 'bucketName', detail: 'is required' }]))
	expect(read()).toMatchObject([
		{
			level: 'ERROR',
			code: 'QUEUE_UNAVAILABLE',
			aws: { code: 'AccessDenied' },
			runbook: 'docs/runbook.md#aws-refused',
		},
		{
			level: 'ERROR',
			message: 'instances not swept',
			code: 'POLICY_INVALID',
			reason: expect.stringContaining('bucketName'),
		},
	])
	expect(failures()).toMatchObject({ AwsRefused: 1, Failed_POLICY_INVALID: 1 })
})

it('warns of instances that a policy names and that are not there', () => {
	const { observeSweep, read } = start()
	observeSweep({ policy: 'nightly', sweptAt: 's' }, { instances: 2, missing: [] })
	observeSweep({ policy: 'nightly', sweptAt: 's' }, { instances: 1, missing: ['9'] })
	expect(read()).toMatchObject([
		{ level: 'INFO', message: 'instances swept', policy: 'nightly', instances: 2 },
		{ level: 'WARN', message: 'instances swept', missing: ['9'] },
	])
})
