import { describe, expect, it } from 'vitest'
import { checkCoverage } from '../../lib/coverage/check-coverage.ts'
import { ExportError } from '../../lib/errors.ts'
import type { CoveragePorts, CoverageSummary, TopicMessage } from '../../lib/ports.ts'
import { createMemoryDestinations, createMemoryLedger, createQueue, left } from '../fakes.ts'
import { anObject, backup, HOUR_MS, NOW, policy } from './samples.ts'

const CHECK = { policy: policy(), instanceNo: '1', sweptAt: '2026-11-25T12:00:00.000Z' }

function createWorld(changes: Partial<CoveragePorts> = {}) {
	const { queue, done } = createQueue()
	const published: TopicMessage[] = []
	const observed: (CoverageSummary | ExportError)[] = []
	const ports: CoveragePorts = {
		deadline: left(60_000),
		now: () => NOW,
		apiUrl: 'https://ncp.example',
		listBackups: async () => [backup('new', NOW - HOUR_MS), backup('old', NOW - 9 * HOUR_MS), backup('out')],
		listObjects: async () => ({ kind: 'listed', objects: [anObject('1/out')], isWhole: true }),
		ledger: createMemoryLedger(),
		destinations: createMemoryDestinations(),
		requestQueue: queue,
		sendToTopic: async (message) => void published.push(message),
		observe: (_check, ending) => void observed.push(ending),
		...changes,
	}
	return { done, published, observed, check: () => checkCoverage(CHECK, ports) }
}

describe('checkCoverage', () => {
	it('asks for what is due, oldest backup first, and publishes where each backup stands', async () => {
		const { check, done, published, observed } = createWorld()
		const event = await check()
		expect(done.map(([action, body, marks]) => [action, JSON.parse(String(body)), marks])).toEqual(
			['old', 'new'].map((fileName) => [
				'send',
				{
					cloudPostgresqlInstanceNo: '1',
					fileName,
					bucketName: 'my-bucket',
					folderPath: '1/',
					regionCode: 'KR',
				},
				{
					traceparent: undefined,
					isRedriven: false,
					coveragePolicy: 'nightly',
					trigger: { kind: 'queue', id: '' },
				},
			]),
		)
		expect(published.map(({ message }) => JSON.parse(message))).toEqual([event])
		expect(event.data).toMatchObject({ state: 'behind', counts: { covered: 1, due: 2 } })
		expect(observed).toMatchObject([{ state: 'behind', hoursBehind: 9, failingFiles: [] }])
	})

	it('names files that are failing in the log in lines of a bearable length', async () => {
		const { check, observed } = createWorld({ listBackups: async () => [backup('x'.repeat(300_000))] })
		await check()
		expect(observed).toMatchObject([{ failingFiles: [`${'x'.repeat(254)}…`] }])
	})

	it.each([
		[
			'the list',
			{ listBackups: async () => Promise.reject(new ExportError('NCP_LATER', 'cut')) },
			'NCP_LATER',
		],
		[
			'the bucket',
			{ listObjects: async () => ({ kind: 'unreadable' as const, reason: 'x' }) },
			'BUCKET_UNREADABLE',
		],
	])('asks for nothing and says nothing when %s cannot be read', async (_name, changes, code) => {
		const { check, done, published, observed } = createWorld(changes)
		await expect(check()).rejects.toMatchObject({ code })
		expect([done, published]).toEqual([[], []])
		expect(observed).toMatchObject([{ code }])
	})

	it('fails when the topic is down, after it has asked', async () => {
		const { check, done, observed } = createWorld({
			sendToTopic: async () => Promise.reject(new ExportError('PUBLISH_FAILED', 'down')),
		})
		await expect(check()).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
		expect(done).toHaveLength(2)
		expect(observed).toMatchObject([{ code: 'PUBLISH_FAILED' }])
	})
})
