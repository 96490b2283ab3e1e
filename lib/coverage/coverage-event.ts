import type { InferOutput } from 'valibot'
import { cut } from '../errors.ts'
import { toQueueableJson } from '../formats/json.ts'
import type { TopicMessage } from '../ports.ts'
import { PRODUCTS } from '../products.ts'
import { toInstance } from '../request/export-identity.ts'
import { type AssessedBackup, BACKUP_STATES } from './assess-backup.ts'
import type { coverageEventSchema } from './coverage-event-schema.ts'
import type { Policy } from './policy.ts'

/** A structured CloudEvent 1.0: one for each instance and sweep. */
export type CoverageEvent = InferOutput<typeof coverageEventSchema>

/** What one check of an instance found. */
export interface Coverage {
	policy: Policy
	instanceNo: string
	/** The policy's, for this instance. */
	folderPath: string
	checkedAtMs: number
	backups: readonly AssessedBackup[]
	unknownObjects: number
}

const MAX_BACKUPS = 100
const MAX_EVENT_BYTES = 200 * 1024

/** Pure. `sweptAt` names the sweep: a check that is delivered twice makes the same id. */
export function toCoverageEvent(coverage: Coverage, sweptAt: string): CoverageEvent {
	const { policy, instanceNo, folderPath, checkedAtMs, backups } = coverage
	const { name, product, regionCode, bucketName } = policy
	const behind = backups.filter(({ isBehind }) => isBehind)
	const event: CoverageEvent = {
		specversion: '1.0',
		id: `coverage/${name}/${instanceNo}/${sweptAt}`,
		source: `/ncp/${toInstance({ product, regionCode, instanceNo })}`,
		type: 'ncp.backup.coverage.v1',
		subject: `${bucketName}/${folderPath}`,
		time: toTime(checkedAtMs),
		datacontenttype: 'application/json',
		data: {
			policy: name,
			product,
			instanceNo,
			bucketName,
			folderPath,
			state: behind.length === 0 ? 'covered' : 'behind',
			counts: count(backups),
			unknownObjects: coverage.unknownObjects,
			newestBackupAt: newest(backups),
			newestCoveredAt: newest(backups.filter(({ state }) => state === 'covered')),
			behindSince: oldest(behind.map(({ endedAtMs }) => (endedAtMs ?? 0) + toGraceMs(policy))),
			backups: [],
		},
	}
	const rows = [...backups].sort(byUrgency).slice(0, MAX_BACKUPS).map(toBackup)
	return { ...event, data: { ...event.data, backups: fitting(rows, event) } }
}

/** The event as it is published, with attributes for filter policies. */
export function toCoverageMessage(event: CoverageEvent): TopicMessage {
	const { type, data } = event
	const { instanceField } = PRODUCTS[data.product]
	return {
		message: toQueueableJson(event),
		attributes: { type, state: data.state, [instanceField]: data.instanceNo },
	}
}

/** Hours since the end of the backup that is behind for longest; 0 when none is. */
export function hoursBehind({ backups, checkedAtMs }: Coverage): number {
	const behind = backups.filter(({ isBehind }) => isBehind)
	return Math.max(0, ...behind.map(({ endedAtMs }) => (checkedAtMs - (endedAtMs ?? 0)) / HOUR_MS))
}

const HOUR_MS = 60 * 60 * 1000

export function toGraceMs({ graceHours }: Pick<Policy, 'graceHours'>): number {
	return graceHours * HOUR_MS
}

function count(backups: readonly AssessedBackup[]): CoverageEvent['data']['counts'] {
	const of = (wanted: AssessedBackup['state']): number =>
		backups.filter(({ state }) => state === wanted).length
	return {
		covered: of('covered'),
		underWay: of('under-way'),
		due: of('due'),
		failing: of('failing'),
		gone: of('gone'),
		running: of('running'),
	}
}

function byUrgency(a: AssessedBackup, b: AssessedBackup): number {
	const rank = ({ state }: AssessedBackup): number => BACKUP_STATES.indexOf(state)
	return rank(a) - rank(b) || (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0)
}

type Row = CoverageEvent['data']['backups'][number]

function toBackup({ fileName, endedAtMs, sizeBytes, state, proof, entry }: AssessedBackup): Row {
	return {
		fileName: toShown(fileName),
		endTime: endedAtMs === null ? null : toTime(endedAtMs),
		backupSize: sizeBytes,
		state,
		...(proof === null ? {} : { key: proof.key, size: proof.size }),
		...(entry === null || state === 'due' ? {} : { exportId: entry.exportId }),
	}
}

/** The longest name that a request can have. NCP's own are a few characters long. */
const MAX_NAME = 255

/** A file's name in events and log lines: one long name must not take the room of all others. */
export function toShown(fileName: string): string {
	return cut(fileName, MAX_NAME)
}

/** As many of the first rows as the event has room for. */
function fitting(rows: readonly Row[], event: CoverageEvent): Row[] {
	let bytes = Buffer.byteLength(toQueueableJson(event))
	return rows.filter((row) => {
		bytes += Buffer.byteLength(toQueueableJson(row)) + 1
		return bytes <= MAX_EVENT_BYTES
	})
}

function newest(backups: readonly AssessedBackup[]): string | null {
	const times = backups.flatMap(({ endedAtMs }) => (endedAtMs === null ? [] : [endedAtMs]))
	return times.length === 0 ? null : toTime(Math.max(...times))
}

function oldest(times: readonly number[]): string | null {
	return times.length === 0 ? null : toTime(Math.min(...times))
}

function toTime(ms: number): string {
	return new Date(ms).toISOString()
}
