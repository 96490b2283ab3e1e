import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, expect, it, vi } from 'vitest'
import { toDelivery } from '../lib/delivery.ts'
import { ExportError } from '../lib/errors.ts'
import { createObserver } from '../lib/observe.ts'
import { acceptedEvent } from './events.ts'

const lines: string[] = []
const write = (line: string) => lines.push(line)

afterEach(() => {
	lines.length = 0
	vi.restoreAllMocks()
})

function observe(...args: Parameters<ReturnType<typeof createObserver>>) {
	for (const method of ['info', 'warn', 'log'] as const) vi.spyOn(console, method).mockImplementation(write)
	vi.stubEnv('POWERTOOLS_DEV', 'true')
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	createObserver(new Logger({ serviceName: 's' }), metrics)(...args)
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
		fileName: 'f',
		durationMs: 1,
	})
	expect(metric).toMatchObject({ Export_accepted: 1 })
})

it('writes one line and one count for a delivery that is not finished, without its cause', () => {
	const error = new ExportError('NCP_LATER', 'busy', { cause: new Error('swordfish') })
	const [line, metric] = observe(delivery, error)
	expect(line).toMatchObject({ level: 'WARN', code: 'NCP_LATER', reason: 'busy' })
	expect(metric).toMatchObject({ Failed_NCP_LATER: 1 })
	expect(JSON.stringify(line)).not.toContain('swordfish')
})

it('names no field of a request that could not be read', () => {
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
