import { CloudEvent } from 'cloudevents'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import {
	type Coverage,
	hoursBehind,
	toCoverageEvent,
	toCoverageMessage,
} from '../../lib/coverage/coverage-event.ts'
import { coverageEventSchema } from '../../lib/coverage/coverage-event-schema.ts'
import { assessed, END_MS, HOUR_MS, NOW, policy } from './samples.ts'

const SWEPT_AT = '2026-11-25T12:00:00.000Z'

const coverage = (backups: Coverage['backups'], changes: Partial<Coverage> = {}): Coverage => ({
	policy: policy(),
	instanceNo: '1',
	folderPath: '1/',
	checkedAtMs: NOW,
	backups,
	unknownObjects: 3,
	...changes,
})

describe('toCoverageEvent', () => {
	it('is a valid CloudEvent that says where each backup stands', () => {
		const backups = [
			assessed('c', 'covered'),
			assessed('r', 'running', { endedAtMs: null }),
			assessed('u', 'under-way', { endedAtMs: END_MS + 1 }),
			assessed('f', 'failing', { endedAtMs: NOW - 9 * HOUR_MS, isBehind: true }),
			assessed('g', 'gone'),
			assessed('d', 'due', { endedAtMs: NOW - 8 * HOUR_MS, isBehind: true }),
		]
		const event = toCoverageEvent(coverage(backups), SWEPT_AT)
		expect(() => new CloudEvent(event)).not.toThrow()
		expect(v.is(coverageEventSchema, event)).toBe(true)
		expect(event).toEqual({
			specversion: '1.0',
			id: `coverage/nightly/1/${SWEPT_AT}`,
			source: '/ncp/vpostgresql/KR/1',
			type: 'ncp.backup.coverage.v1',
			subject: 'my-bucket/1/',
			time: '2026-11-25T12:00:00.000Z',
			datacontenttype: 'application/json',
			data: {
				policy: 'nightly',
				product: 'postgresql',
				instanceNo: '1',
				bucketName: 'my-bucket',
				folderPath: '1/',
				state: 'behind',
				counts: { covered: 1, underWay: 1, due: 1, failing: 1, gone: 1, running: 1 },
				unknownObjects: 3,
				newestBackupAt: '2026-11-25T10:00:00.001Z',
				newestCoveredAt: '2026-11-25T10:00:00.000Z',
				// Nine hours ago, and six of grace.
				behindSince: '2026-11-25T09:00:00.000Z',
				backups: [
					{ fileName: 'f', endTime: '2026-11-25T03:00:00.000Z', backupSize: 1_000, state: 'failing' },
					{ fileName: 'd', endTime: '2026-11-25T04:00:00.000Z', backupSize: 1_000, state: 'due' },
					{ fileName: 'u', endTime: '2026-11-25T10:00:00.001Z', backupSize: 1_000, state: 'under-way' },
					{ fileName: 'g', endTime: '2026-11-25T10:00:00.000Z', backupSize: 1_000, state: 'gone' },
					{ fileName: 'r', endTime: null, backupSize: 1_000, state: 'running' },
					{
						fileName: 'c',
						endTime: '2026-11-25T10:00:00.000Z',
						backupSize: 1_000,
						state: 'covered',
						key: '1/c',
						size: 10,
					},
				],
			},
		})
	})

	it('is covered, with nothing to name, when NCP lists no backup', () => {
		const { data } = toCoverageEvent(coverage([]), SWEPT_AT)
		expect(data).toMatchObject({
			state: 'covered',
			newestBackupAt: null,
			newestCoveredAt: null,
			behindSince: null,
			backups: [],
		})
	})

	it('names a hundred backups at most, and counts them all', () => {
		const many = Array.from({ length: 150 }, (_, index) => assessed(`f${index}`, 'due'))
		const { data } = toCoverageEvent(coverage(many), SWEPT_AT)
		expect(data.backups).toHaveLength(100)
		expect(data.counts.due).toBe(150)
	})

	it('is not emptied by a name that is longer than the event may be', () => {
		const backups = [assessed('x'.repeat(300_000), 'failing', { request: null }), assessed('a', 'due')]
		const { data } = toCoverageEvent(coverage(backups), SWEPT_AT)
		expect(data.backups.map(({ fileName }) => fileName)).toEqual([`${'x'.repeat(254)}…`, 'a'])
	})

	it('never exceeds 200 KiB, however long the names are, and is cut at its end', () => {
		// Four bytes a character, and escapes that JSON makes longer.
		const long = (index: number) => `${String(index).padStart(3, '0')}${'\u{1F600}'.repeat(120)}`
		const many = Array.from({ length: 100 }, (_, index) =>
			assessed(long(index), 'covered', {
				endedAtMs: index,
				proof: { key: '\uFFFE'.repeat(340), size: 1, etag: 'e', lastModified: SWEPT_AT },
			}),
		)
		const event = toCoverageEvent(coverage(many), SWEPT_AT)
		const { message } = toCoverageMessage(event)
		expect(Buffer.byteLength(message)).toBeLessThanOrEqual(200 * 1024)
		expect(Buffer.byteLength(message)).toBeGreaterThan(190 * 1024)
		expect(event.data.backups.map(({ fileName }) => fileName)).toEqual(
			event.data.backups.map((_row, index) => long(index)),
		)
		expect(event.data.counts.covered).toBe(100)
	})
})

it('is published with the attributes that filter policies need', () => {
	const { message, attributes } = toCoverageMessage(toCoverageEvent(coverage([]), SWEPT_AT))
	expect(attributes).toEqual({
		type: 'ncp.backup.coverage.v1',
		state: 'covered',
		cloudPostgresqlInstanceNo: '1',
	})
	expect(JSON.parse(message)).toMatchObject({ type: 'ncp.backup.coverage.v1' })
})

it('counts the hours since the end of the backup that is behind for longest', () => {
	const backups = [
		assessed('a', 'due', { endedAtMs: NOW - 7 * HOUR_MS, isBehind: true }),
		assessed('b', 'failing', { endedAtMs: NOW - 30 * HOUR_MS, isBehind: true }),
		assessed('c', 'due', { endedAtMs: NOW - 40 * HOUR_MS }),
	]
	expect(hoursBehind(coverage(backups))).toBe(30)
	expect(hoursBehind(coverage([]))).toBe(0)
})
