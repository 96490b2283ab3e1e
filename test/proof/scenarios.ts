import { DESTINATION_PREFIX } from '../../lib/aws/destinations.ts'
import { toDestination, toHolder } from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import type { Scenario } from './explorer.ts'
import type { Order } from './judge.ts'
import { API_URL } from './ports.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, type Settings } from './settings.ts'
import type { World } from './world.ts'

export const SETTINGS: Settings = {
	startMs: Date.UTC(2026, 10, 23),
	deduplicationMs: DAY_MS,
	deadlineMs: 10 * MINUTE_MS,
	resendAfterMs: MINUTE_MS,
	destinationRule: 'exclusive',
	naming: 'plain',
	slackMs: 3 * MINUTE_MS,
	visibilityMs: 150_000,
	maxReceives: { requests: 20, arrivals: 20, coverage: 9 },
	indexLagMs: 0,
}

const FILE = '20261122'
const NONE = { deliveries: 0, checks: 0, sweeps: 0, faults: 2 }

interface Asked {
	instanceNo: string
	fileName?: string
	folderPath?: string
	idempotencyKey?: string
}

/** Puts a message for a request on the queue. */
function ask(world: World, id: string, asked: Asked, attributes = {}): Order {
	const { instanceNo, fileName = FILE, ...rest } = asked
	const body = { cloudPostgresqlInstanceNo: instanceNo, fileName, bucketName: 'bucket', ...rest }
	world.send({ id, queue: 'requests', body: JSON.stringify(body), attributes })
	const request = { product: 'postgresql' as const, instanceNo, fileName, bucketName: 'bucket', ...rest }
	return { request, orderedAtMs: world.nowMs }
}

function addBackups(world: World, instanceNos: readonly string[], fileNames = [FILE]): void {
	const endedAtMs = world.nowMs - 2 * HOUR_MS
	const startedAtMs = endedAtMs - 10 * MINUTE_MS
	for (const instanceNo of instanceNos)
		world.backups.set(
			instanceNo,
			fileNames.map((fileName) => ({ fileName, startedAtMs, endedAtMs })),
		)
}

const base = { settings: SETTINGS, landing: 'some time' as const, grain: 'request' as const }

/** Puts a message for the coverage check of an instance on its queue. */
function check(world: World, id: string, instanceNo: string): void {
	const policy = { name: 'nightly', bucketName: 'bucket', instances: [instanceNo], graceHours: 1 }
	const body = JSON.stringify({ policy, instanceNo, sweptAt: new Date(world.nowMs).toISOString() })
	world.send({ id, queue: 'coverage', body, attributes: {} })
}

/** Another export has the place of a request, and gives it back at some time, or never. */
function hold(world: World, request: ExportRequest): void {
	const { key, nameKey } = toDestination(API_URL, request, 'exclusive')
	const exportKey = DESTINATION_PREFIX + key
	const item = {
		exportKey,
		exportId: DESTINATION_PREFIX + nameKey,
		heldBy: toHolder(request),
		bucketName: request.bucketName,
		folderPath: null,
		fileName: request.fileName,
		askedBy: 'another export',
		isAskedBySeveral: 0,
		sinceMs: world.nowMs,
		expiresAt: (world.nowMs + 60 * DAY_MS) / 1000,
		revision: 'another revision',
	}
	world.table.apply('PutItem', { TableName: '', Item: item }, world.nowMs)
	world.held.push(exportKey)
}

/** The small worlds that `npm run explore` goes through, each with its largest bounds. */
export const SCENARIOS: readonly Scenario[] = [
	{
		...base,
		name: 'one export, delivered three times',
		bounds: { ...NONE, deliveries: 3 },
		prepare: (world) => {
			addBackups(world, ['1'])
			return [ask(world, 'a', { instanceNo: '1' })]
		},
	},
	{
		...base,
		name: 'two instances that ask for one place',
		bounds: { ...NONE, deliveries: 3 },
		prepare: (world) => {
			addBackups(world, ['1', '2'])
			return [ask(world, 'a', { instanceNo: '1' }), ask(world, 'b', { instanceNo: '2' })]
		},
	},
	{
		...base,
		name: 'a place that another instance gives back',
		bounds: { ...NONE, deliveries: 3 },
		prepare: (world) => {
			addBackups(world, ['1'])
			const order = ask(world, 'a', { instanceNo: '1' })
			hold(world, { ...order.request, instanceNo: '2' })
			return [order]
		},
	},
	{
		...base,
		name: 'two instances in one bucket, with folders',
		bounds: { ...NONE, deliveries: 3 },
		prepare: (world) => {
			addBackups(world, ['1', '2'])
			return [
				ask(world, 'a', { instanceNo: '1', folderPath: '1/' }),
				ask(world, 'b', { instanceNo: '2', folderPath: '2/' }),
			]
		},
	},
	{
		...base,
		name: 'one export and its checks',
		bounds: { ...NONE, deliveries: 1, checks: 2 },
		prepare: (world) => {
			addBackups(world, ['1'])
			return [ask(world, 'a', { instanceNo: '1' })]
		},
	},
	{
		...base,
		name: 'a coverage check beside somebody’s own request',
		bounds: { ...NONE, deliveries: 2, sweeps: 1 },
		prepare: (world) => {
			addBackups(world, ['1'])
			check(world, 'c', '1')
			return [ask(world, 'a', { instanceNo: '1', folderPath: '1/' })]
		},
	},
	{
		...base,
		name: 'two coverage checks of one instance',
		bounds: { ...NONE, deliveries: 1, sweeps: 2 },
		prepare: (world) => {
			addBackups(world, ['1'])
			check(world, 'c', '1')
			check(world, 'd', '1')
			return []
		},
	},
]
