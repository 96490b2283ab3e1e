import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AwsError } from '../../lib/aws-error.ts'
import { ExportError } from '../../lib/errors.ts'
import type { SettledEntry } from '../../lib/ledger/ledger.ts'
import { readReply } from '../../lib/ncp/read-reply.ts'
import {
	createCheckObserver,
	createExportObserver,
	createUnrecordedObserver,
} from '../../lib/observe/observe.ts'
import { type OutcomeEvent, toArrivalEvent } from '../../lib/outcome/outcome.ts'
import { type CheckEnding, startProgress } from '../../lib/ports.ts'
import { type Delivery, toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'

const lines: string[] = []
const write = (line: string) => lines.push(line)

afterEach(() => {
	lines.length = 0
	vi.restoreAllMocks()
})

const NOW = Date.UTC(2026, 10, 25)

function observe(delivery: Delivery, ending: OutcomeEvent | ExportError, progress = startProgress()) {
	for (const method of ['info', 'warn', 'error', 'log'] as const)
		vi.spyOn(console, method).mockImplementation(write)
	vi.stubEnv('POWERTOOLS_DEV', 'true')
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	createExportObserver(new Logger({ serviceName: 's' }), metrics, () => NOW)(delivery, ending, progress)
	return [...lines.map((line) => JSON.parse(line)), metrics.serializeMetrics()]
}

const delivery = toDelivery(
	{ cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket', idempotencyKey: 'k' },
	{ kind: 'queue', id: 'm-1' },
	{ regionCode: undefined },
)

it('writes one line and one count for an outcome', () => {
	const [line, metric] = observe(delivery, acceptedEvent('a'))
	expect(line).toMatchObject({
		level: 'INFO',
		message: 'export accepted',
		eventId: 'a/accepted',
		product: 'postgresql',
		fileName: 'f',
		durationMs: 1,
	})
	expect(metric).toMatchObject({ Export_accepted: 1 })
})

it('writes one line and one count for an unfinished delivery, without the cause of its error', () => {
	const error = new ExportError('NCP_LATER', 'busy', { cause: new Error('swordfish') })
	const [line, metric] = observe(delivery, error)
	expect(line).toMatchObject({ level: 'WARN', code: 'NCP_LATER', reason: 'busy' })
	expect(metric).toMatchObject({ Failed_NCP_LATER: 1 })
	expect(JSON.stringify(line)).not.toContain('swordfish')
})

it('logs the export, NCP’s reply and the step times of an unfinished delivery', () => {
	const reply = readReply({ httpStatus: 429, headers: { 'x-ncp-trace-id': 't-1' }, body: '' })
	const progress = {
		exportId: 'e-1',
		attempts: 2,
		reply,
		stepMs: { claim: 3, call: 40 },
		failedStep: 'call' as const,
	}
	const [line, metric] = observe(
		delivery,
		new ExportError('NCP_LATER', 'busy', { replyCode: 'gateway/410' }),
		progress,
	)
	expect(line).toMatchObject({
		exportId: 'e-1',
		attempts: 2,
		ncpTraceId: 't-1',
		httpStatus: 429,
		replyCode: 'gateway/410',
		stepMs: { claim: 3, call: 40 },
		step: 'call',
	})
	expect(metric).toMatchObject({ NcpCallMs: 40 })
})

describe('a failed call of AWS', () => {
	const observeCause = (code: string, httpStatus: number | null) => {
		const call = { service: 'dynamodb', action: 'PutItem', resource: 'exports' }
		const cause = new AwsError(code, { ...call, message: 'not authorized', httpStatus, requestId: 'r-1' })
		const [line, metric] = observe(delivery, new ExportError('LEDGER_UNAVAILABLE', 'down', { cause }))
		return { line, metric }
	}

	it.each([
		['AccessDeniedException', 400],
		['ResourceNotFoundException', 400],
		['ValidationException', 400],
		['KMSDisabledException', 400],
		['AuthorizationError', 403],
		['NotFound', 404],
	])('that no waiting mends, such as %s, is an error with a metric of its own', (code, httpStatus) => {
		const { line, metric } = observeCause(code, httpStatus)
		expect(line).toMatchObject({
			level: 'ERROR',
			code: 'LEDGER_UNAVAILABLE',
			aws: {
				...{ service: 'dynamodb', action: 'PutItem', resource: 'exports', code, httpStatus },
				...{ message: 'not authorized', requestId: 'r-1' },
			},
		})
		expect(metric).toMatchObject({ Failed_LEDGER_UNAVAILABLE: 1, AwsRefused: 1 })
	})

	it.each([
		['ThrottlingException', 400],
		['ExpiredTokenException', 400],
		['InternalServerError', 500],
		['HTTP 429', 429],
		['ECONNRESET', null],
	])('that may go well later, such as %s, is a warning', (code, httpStatus) => {
		const { line, metric } = observeCause(code, httpStatus)
		expect(line).toMatchObject({ level: 'WARN', aws: { code } })
		expect(metric).not.toHaveProperty('AwsRefused')
	})
})

it('logs no field of a request that could not be read', () => {
	const event = acceptedEvent('a')
	const rejected = {
		...event,
		data: {
			...event.data,
			error: { code: 'REQUEST_INVALID' as const, envelope: null, ncpCode: null, message: 'no' },
		},
	}
	const [line] = observe(
		toDelivery('swordfish', { kind: 'queue', id: 'm' }, { regionCode: undefined }),
		rejected,
	)
	expect(line).toMatchObject({ level: 'WARN', reason: 'no' })
	expect(JSON.stringify(line)).not.toContain('swordfish')
})

describe('createCheckObserver', () => {
	const check = { exportKey: 'k', exportId: 'a', check: 2 }

	function observeCheck(ending: CheckEnding | ExportError) {
		lines.length = 0
		for (const method of ['info', 'warn', 'error', 'debug'] as const)
			vi.spyOn(console, method).mockImplementation(write)
		vi.stubEnv('POWERTOOLS_DEV', 'true')
		const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
		createCheckObserver(new Logger({ serviceName: 's', logLevel: 'DEBUG' }), metrics)(check, ending, {
			...startProgress(),
			stepMs: { look: 7 },
		})
		return { line: JSON.parse(lines[0] ?? '{}'), metric: metrics.serializeMetrics() }
	}

	it('logs every candidate of a completed export, and how long it took', () => {
		const object = { key: 'f', size: 1, etag: 'e', lastModified: '' }
		const event = toArrivalEvent(acceptedEvent('a'), {
			state: 'completed',
			object,
			error: null,
			attempts: 1,
			checkedAtMs: 5_000,
		})
		const { line, metric } = observeCheck({
			kind: 'outcome',
			entry: { event } as SettledEntry,
			candidates: ['f', 'f.bak'],
		})
		expect(line).toMatchObject({
			message: 'export completed',
			exportId: 'a',
			candidates: ['f', 'f.bak'],
			object: { key: 'f' },
		})
		expect(metric).toMatchObject({ Export_completed: 1, ArrivalSeconds: 5 })
	})

	it('counts any other ending without a duration', () => {
		const entry = { event: acceptedEvent('a') } as SettledEntry
		const { metric } = observeCheck({ kind: 'outcome', entry, candidates: [] })
		expect(metric).toMatchObject({ Export_accepted: 1 })
		expect(metric).not.toHaveProperty('ArrivalSeconds')
	})

	it('logs what was found and when the next check is', () => {
		const entry = { event: acceptedEvent('a') } as SettledEntry
		const finding = { kind: 'unreadable', reason: 'AccessDenied' } as const
		const { line } = observeCheck({ kind: 'waiting', entry, finding, delaySeconds: 60 })
		expect(line).toMatchObject({
			level: 'INFO',
			stepMs: { look: 7 },
			kind: 'unreadable',
			reason: 'AccessDenied',
			nextInSeconds: 60,
		})
	})

	it('logs an outdated check at debug level and a failed one as a warning', () => {
		expect(observeCheck({ kind: 'stale' }).line).toMatchObject({ level: 'DEBUG' })
		const { line, metric } = observeCheck(new ExportError('PUBLISH_FAILED', 'down'))
		expect(line).toMatchObject({ level: 'WARN', code: 'PUBLISH_FAILED', reason: 'down' })
		expect(metric).toMatchObject({ Failed_PUBLISH_FAILED: 1 })
	})
})

it('logs why a completion could not be recorded', () => {
	vi.spyOn(console, 'warn').mockImplementation(write)
	vi.stubEnv('POWERTOOLS_DEV', 'true')
	const error = new ExportError('LEDGER_UNAVAILABLE', 'no answer', { cause: new Error('a header') })
	const check = { exportKey: 'k', exportId: 'a', check: 2 }
	createUnrecordedObserver(new Logger({ serviceName: 's' }))(check, error)
	expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({
		level: 'WARN',
		message: 'completion not recorded',
		exportId: 'a',
		check: 2,
		code: 'LEDGER_UNAVAILABLE',
		reason: 'no answer',
	})
	expect(lines[0]).not.toContain('a header')
})

it('counts for how many minutes a delivery has waited, when it knows', () => {
	const waited = toDelivery('{}', { kind: 'queue', id: 'm' }, { sentAtMs: NOW - 61.5 * 60_000 })
	const [, metric] = observe(waited, new ExportError('NCP_LATER', 'busy'))
	expect(metric).toMatchObject({ WaitingMinutes: 61 })
	const unknown = toDelivery('{}', { kind: 'queue', id: 'm' }, {})
	expect(observe(unknown, new ExportError('NCP_LATER', 'busy'))[1]).not.toHaveProperty('WaitingMinutes')
})
