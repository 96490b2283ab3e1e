import { describe, expect, it } from 'vitest'
import { ExportError } from '../lib/errors.ts'
import { type ExportPorts, exportBackup, toDelivery } from '../lib/export-backup.ts'
import { classifyReply, type Reply, toLostReply } from '../lib/ncp/reply.ts'
import type { OutcomeEvent } from '../lib/outcome.ts'
import { createMemoryLedger } from './memory-ledger.ts'

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }
const HOUR_MS = 60 * 60 * 1000
const PLENTY = () => 25_000

const reply = (httpStatus: number, body: unknown, headers = {}) =>
	classifyReply({ httpStatus, headers, body: JSON.stringify(body) })
const ACCEPTED = reply(200, { r: { requestId: 'r-1', returnCode: '0', returnMessage: 'success' } })

/** Ports that keep what they were given. */
function createPorts(answer: Reply, publish: ExportPorts['publish'] = async () => undefined) {
	const published: OutcomeEvent[] = []
	const observed: (OutcomeEvent | ExportError)[] = []
	const ledger = createMemoryLedger()
	let ids = 0
	const callTimeouts: (number | undefined)[] = []
	const ports: ExportPorts = {
		callNcp: async (_parameters, timeoutMs) => {
			callTimeouts.push(timeoutMs)
			return answer
		},
		publish: async (event, timeoutMs) => {
			await publish(event, timeoutMs)
			published.push(event)
		},
		apiUrl: 'https://ncp.example',
		ledger,
		deduplicationMs: HOUR_MS,
		now: () => Date.UTC(2026, 10, 23),
		createId: () => `export-${++ids}`,
		observe: (_delivery, ending) => observed.push(ending),
	}
	return { ports, published, observed, callTimeouts, ledger }
}

const deliver = (input: unknown) => toDelivery(input, { kind: 'queue', id: 'm-1' }, { regionCode: 'KR' })

describe('exportBackup', () => {
	it.each([
		['accepted', ACCEPTED],
		['refused', reply(400, { responseError: { returnCode: '5001017', returnMessage: 'none' } })],
		['unknown', toLostReply(true, 'ECONNRESET')],
	])('publishes and returns the outcome: %s', async (state, answer) => {
		const { ports, published, observed } = createPorts(answer)
		const event = await exportBackup(deliver(REQUEST), PLENTY, ports)
		expect(event).toMatchObject({ id: `export-1/${state}`, data: { state } })
		expect(published).toEqual([event])
		expect(observed).toEqual([event])
	})

	it.each([
		[
			'NCP_LATER',
			reply(429, { error: { errorCode: '410', message: 'Throttle' } }, { 'retry-after': '9' }),
			9,
		],
		['NCP_LATER', toLostReply(false, 'ECONNREFUSED'), null],
		['NCP_CREDENTIALS', reply(401, { error: { errorCode: '200', message: 'Failed' } }), null],
	])('publishes nothing and asks for another delivery: %s', async (code, answer, retryAfterSeconds) => {
		const { ports, published, observed } = createPorts(answer)
		await expect(exportBackup(deliver(REQUEST), PLENTY, ports)).rejects.toMatchObject({
			code,
			retryable: true,
			retryAfterSeconds,
		})
		expect(published).toEqual([])
		expect(observed).toMatchObject([{ code }])
	})

	it('publishes a rejected request without asking NCP', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await exportBackup(deliver('{"fileName":'), PLENTY, ports)
		expect(published).toMatchObject([
			{ id: 'm-1/rejected', data: { original: '{"fileName":', error: { code: 'REQUEST_UNREADABLE' } } },
		])
		expect(callTimeouts).toEqual([])
	})

	it('hands a request back untouched when too little time is left', async () => {
		const { ports, published, callTimeouts } = createPorts(ACCEPTED)
		await expect(exportBackup(deliver(REQUEST), () => 4_999, ports)).rejects.toMatchObject({
			code: 'DEADLINE_NEAR',
		})
		expect([...published, ...callTimeouts]).toEqual([])
	})

	it('keeps time in reserve for publishing', async () => {
		const { ports, callTimeouts } = createPorts(ACCEPTED)
		await exportBackup(deliver(REQUEST), () => 10_000, ports)
		expect(callTimeouts).toEqual([6_000])
	})

	it('says that publishing failed', async () => {
		const { ports, observed } = createPorts(ACCEPTED, async () => {
			throw new ExportError('PUBLISH_FAILED', 'no')
		})
		await expect(exportBackup(deliver(REQUEST), PLENTY, ports)).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
		})
		expect(observed).toMatchObject([{ code: 'PUBLISH_FAILED' }])
	})

	it.each([new TypeError('with a body'), 'a text'])(
		'turns what nobody foresaw into an error with a code',
		async (thrown) => {
			const { ports, observed } = createPorts(ACCEPTED)
			const broken = { ...ports, callNcp: () => Promise.reject(thrown) }
			await expect(exportBackup(deliver(REQUEST), PLENTY, broken)).rejects.toMatchObject({
				code: 'INTERNAL',
				cause: thrown,
			})
			expect(observed).toMatchObject([{ message: expect.not.stringContaining('body') }])
		},
	)

	it('survives an object too deep to be written', () => {
		let deep: unknown = {}
		for (let n = 0; n < 100_000; n++) deep = [deep]
		expect(deliver({ fileName: deep })).toMatchObject({ original: '', request: { code: 'REQUEST_INVALID' } })
	})
})
