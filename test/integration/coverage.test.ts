import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { afterEach, describe, expect, it } from 'vitest'
import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import { coverageEventSchema } from '../../lib/coverage/coverage-event-schema.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { LOCAL_KEYS } from '../../tools/local/cloud.ts'
import type { Fault, Instance, Performed } from '../../tools/local/ncp-simulator.ts'
import type { Intercept } from '../gate.ts'
import { readItems } from './table.ts'
import { World, type WorldOptions } from './world.ts'

const POLICY = { name: 'nightly', bucketName: 'my-bucket' }
const HOUR = 60
const DAY = 24 * HOUR

let world: World
afterEach(() => world.stop())

const instance = (files: readonly string[], changes: Partial<Instance> = {}): Instance => ({
	regionCode: 'KR',
	backups: new Set(files),
	...changes,
})

async function start(
	instances: ReadonlyMap<string, Instance>,
	options: Partial<WorldOptions> = {},
): Promise<void> {
	world = await World.start({ ...options, simulator: { instances, ...options.simulator } })
}

const performed = (): readonly Performed[] => world.cloud.ncp?.performed ?? []

const placesOf = (all: readonly Performed[]): string[] =>
	all.map(({ instanceNo, folderPath, fileName }) => `${instanceNo}:${folderPath}${fileName}`)

/** The states of an instance's backups, as its newest event says. */
function statesOf(instanceNo: string): Record<string, string> {
	const event = world.coverage.findLast(({ data }) => data.instanceNo === instanceNo)
	return Object.fromEntries((event?.data.backups ?? []).map(({ fileName, state }) => [fileName, state]))
}

/** Lets minutes pass, and makes the checks that are due in each. */
async function passChecking(minutes: number): Promise<void> {
	for (let passed = 0; passed < minutes; passed++) {
		await world.pass(1)
		await world.checkCoverage()
	}
}

/** Lets every export that was asked for arrive. */
async function exportAll(): Promise<void> {
	await world.settle()
	await world.pass(2)
}

const FILES = ['20261101', '20261102', '20261103']

it('gets the backups of 200 instances out, oldest first, each once, and finds nothing more to do', async () => {
	const numbers = Array.from({ length: 200 }, (_, index) => String(1_000 + index))
	const isDeleted = (no: string): boolean => Number(no) % 40 === 7
	await start(
		new Map(numbers.map((no) => [no, instance(FILES.toReversed(), isDeleted(no) ? { status: 'DEL' } : {})])),
	)
	await world.sweep(POLICY)
	expect(world.coverage).toHaveLength(195)
	expect(world.coverage.every(({ data }) => data.counts.due === 3)).toBe(true)
	await exportAll()

	const wanted = numbers
		.filter((no) => !isDeleted(no))
		.flatMap((no) => FILES.map((file) => `${no}:${no}/${file}`))
	expect(placesOf(performed()).sort()).toEqual(wanted.sort())
	for (const no of numbers) {
		const own = performed().filter(({ instanceNo }) => instanceNo === no)
		expect(own.map(({ fileName }) => fileName)).toEqual(isDeleted(no) ? [] : FILES)
	}

	// In JSON an item is longer than in the table.
	const items = await readItems(world.cloud.table)
	expect(Math.max(...items.map((item) => JSON.stringify(item).length))).toBeLessThan(4_096)
	const calls = world.cloud.ncp?.calls()
	world.coverage.length = 0
	await world.sweep(POLICY)
	await exportAll()
	expect(world.cloud.ncp?.calls()).toBe(calls)
	expect(world.coverage).toHaveLength(195)
	for (const { data } of world.coverage)
		expect(data).toMatchObject({ state: 'covered', counts: { covered: 3, due: 0 } })
}, 120_000)

describe('sweeps that are killed, doubled or run side by side', () => {
	const NUMBERS = ['11', '12', '13']
	const WANTED = NUMBERS.flatMap((no) => FILES.map((file) => `${no}:${no}/${file}`))
	const few = () => new Map(NUMBERS.map((no) => [no, instance(FILES)]))

	/** Kills the coverage function at its n-th call of an AWS service, just before or just after it takes effect. */
	function killAt(nth: number, phase: 'before' | 'after'): { intercept: Intercept; isKilled: () => boolean } {
		let calls = 0
		let isKilled = false
		return {
			isKilled: () => isKilled,
			intercept: (call, at) => {
				if (isKilled || at !== phase || ++calls !== nth) return
				isKilled = true
				void world.cloud.coverageFunction?.kill()
				throw new Error(`killed at ${call.operation}`)
			},
		}
	}

	it.each([1, 2, 4, 8, 13, 21, 29].flatMap((nth) => [[nth, 'before'] as const, [nth, 'after'] as const]))(
		'end the same when killed at call %i, %s it took effect',
		async (nth, phase) => {
			const { intercept, isKilled } = killAt(nth, phase)
			await start(few(), { intercept, visibilitySeconds: 60 })
			await world.sweep(POLICY)
			// What was on its way comes back, and the next sweep asks anew.
			await world.pass(5)
			expect(isKilled()).toBe(true)
			await world.checkCoverage()
			await world.sweep(POLICY)
			await exportAll()
			await world.sweep(POLICY)
			expect(placesOf(performed()).sort()).toEqual(WANTED)
			for (const no of NUMBERS) expect(Object.values(statesOf(no))).toEqual(['covered', 'covered', 'covered'])
		},
	)

	it('end the same when three run side by side, and every message comes twice', async () => {
		await start(few())
		await Promise.all([world.sweep(POLICY), world.sweep(POLICY), world.sweep(POLICY)])
		for (const no of NUMBERS) {
			const MessageBody = JSON.stringify({ policy: POLICY, instanceNo: no })
			const QueueUrl = world.cloud.coverageQueue.url
			await world.cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
		}
		await Promise.all([world.checkCoverage(), world.checkCoverage(), world.settle()])
		await exportAll()
		await world.sweep(POLICY)
		expect(placesOf(performed()).sort()).toEqual(WANTED)
		for (const no of NUMBERS) expect(Object.values(statesOf(no))).toEqual(['covered', 'covered', 'covered'])
	})
})

describe('each state of a backup', () => {
	it('is seen through the whole chain: due, under way, covered, gone, and never exported again', async () => {
		await start(new Map([['11', instance(['20261101'])]]))
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'due' })
		// Exported, and not looked for yet.
		while ((await world.cloud.pollOnce('requests', 0)) > 0);
		await removeObject('11/20261101')
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'under-way' })
		await putObject('11/20261101')
		await world.pass(2)
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'covered' })
		await removeObject('11/20261101')
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'gone' })
		// Longer than the deduplication, and shorter than NCP keeps a backup.
		await world.pass(30 * DAY, 5 * DAY)
		await world.sweep(POLICY)
		await exportAll()
		expect(statesOf('11')).toEqual({ '20261101': 'gone' })
		expect(performed()).toHaveLength(1)
	})

	it('is failing after an export without proof, and due again when the deduplication is over', async () => {
		await start(new Map([['11', instance(['20261101'], { landing: 'never' })]]))
		await world.sweep(POLICY)
		await world.settle()
		await world.pass(3 * HOUR, 15)
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'failing' })
		expect(world.coverage.at(-1)?.data.backups[0]?.exportId).toBe(world.events.at(-1)?.data.exportId)
		expect(performed()).toHaveLength(1)
		await world.pass(DAY, HOUR)
		await world.sweep(POLICY)
		expect(statesOf('11')).toEqual({ '20261101': 'due' })
		await world.settle()
		expect(performed()).toHaveLength(2)
	})

	it('is running until NCP lists an end; then the backup is exported before NCP takes it away', async () => {
		const firstMs = Date.UTC(2026, 10, 23, 23, 50)
		const daily = { firstMs, retentionDays: 1, minutesRunning: 20 }
		await start(new Map([['11', instance([], { daily })]]))
		await world.sweep(POLICY)
		expect(Object.values(statesOf('11'))).toEqual(['running'])
		for (let days = 0; days < 3; days++) {
			for (let hours = 0; hours < 24; hours++) {
				await world.pass(HOUR, HOUR)
				await world.sweep(POLICY)
				await world.settle()
			}
		}
		// One of each day, though each is listed for a day alone.
		expect(performed().map(({ fileName }) => fileName)).toEqual(['20261124', '20261125', '20261126'])
		expect(world.coverage.every(({ data }) => data.state === 'covered')).toBe(true)
	}, 60_000)

	it('is reported in events that follow their schema, each under the id of its sweep', async () => {
		await start(new Map([['11', instance(FILES)]]))
		await world.sweep(POLICY)
		await world.pass(HOUR, HOUR)
		await world.sweep(POLICY)
		expect(world.coverage.map((event) => v.is(coverageEventSchema, event))).toEqual([true, true])
		expect(new Set(world.coverage.map(({ id }) => id)).size).toBe(2)
		const [first] = world.coverage as [CoverageEvent, ...CoverageEvent[]]
		expect(first.id).toMatch(/^coverage\/nightly\/11\/2026-11-24T/)
	})
})

describe('policies that share a bucket', () => {
	it('get a copy for each instance, though one folder lies below the other and the files have the same names', async () => {
		const numbers = ['12', '123', '2']
		await start(new Map(numbers.map((no) => [no, instance(FILES)])))
		const below = {
			name: 'below',
			bucketName: 'my-bucket',
			folderPath: 'backups/{instanceNo}/',
			exclude: ['2'],
		}
		const above = { name: 'above', bucketName: 'my-bucket', folderPath: 'backups/', instances: ['2'] }
		await world.sweep(below)
		await exportAll()
		await world.sweep(above)
		await exportAll()
		for (const policy of [below, above]) await world.sweep(policy)
		expect(placesOf(performed()).sort()).toEqual(
			[
				...FILES.flatMap((file) => ['12', '123'].map((no) => `${no}:backups/${no}/${file}`)),
				...FILES.map((file) => `2:backups/${file}`),
			].sort(),
		)
		for (const no of numbers) expect(Object.values(statesOf(no))).toEqual(['covered', 'covered', 'covered'])
	})

	it('never take the copy of another instance for their own, though one names its folder after the other', async () => {
		await start(new Map(['23', '123'].map((no) => [no, instance(['20261101'])])))
		await world.sweep({ ...POLICY, name: 'first', instances: ['23'], folderPath: '1{instanceNo}/' })
		await exportAll()
		await world.sweep({ ...POLICY, instances: ['123'] })
		await exportAll()
		expect(placesOf(performed())).toEqual(['23:123/20261101'])
		expect([statesOf('23'), statesOf('123')]).toEqual([{ '20261101': 'due' }, { '20261101': 'failing' }])
		await world.sweep({ ...POLICY, name: 'first', instances: ['23'], folderPath: '1{instanceNo}/' })
		expect(statesOf('23')).toEqual({ '20261101': 'covered' })
	})
})

describe('messages of the coverage queue that cannot be finished', () => {
	it('become dead letters, and hold up no other instance', async () => {
		await start(new Map([['11', instance(FILES)]]), { coverageReceiveCount: 2 })
		const poison = ['no order', '{', JSON.stringify({ policy: { name: 'x' }, instanceNo: '11' })]
		for (const MessageBody of poison)
			await world.cloud.aws.sqs.send(
				new SendMessageCommand({ QueueUrl: world.cloud.coverageQueue.url, MessageBody }),
			)
		await world.sweep(POLICY)
		await exportAll()
		await passChecking(30)
		expect(placesOf(performed())).toEqual(FILES.map((file) => `11:11/${file}`))
		expect((await bodiesOf(world.cloud.coverageDeadLetterQueue.url)).sort()).toEqual(poison.sort())
	})

	it('come back when NCP does not answer for one instance, and hold up no other', async () => {
		let isHanging = true
		const listFault = ({ instanceNo }: { instanceNo?: string }): Fault | undefined =>
			isHanging && instanceNo === '12' ? 'hang' : undefined
		await start(new Map(['11', '12', '13'].map((no) => [no, instance(FILES)])), {
			functionTimeoutMs: 10_000,
			simulator: { listFault },
		})
		await world.sweep(POLICY)
		await exportAll()
		const of = (...numbers: string[]) => FILES.flatMap((file) => numbers.map((no) => `${no}:${no}/${file}`))
		expect(placesOf(performed()).sort()).toEqual(of('11', '13').sort())
		isHanging = false
		await passChecking(15)
		await exportAll()
		expect(placesOf(performed()).sort()).toEqual(of('11', '12', '13').sort())
	}, 60_000)
})

describe('a hostile list', () => {
	const listOf = (rows: readonly unknown[], text = JSON.stringify(rows)): Fault => ({
		httpStatus: 200,
		contentType: 'application/json',
		body: `{"r":{"returnCode":"0","totalRows":${rows.length},"cloudPostgresqlBackupDetailList":${text}}}`,
	})
	const endTime = '2026-11-23T02:10:00+0900'

	it('makes events of a bearable size, and hides no backup behind a huge name', async () => {
		const rows = [
			{ fileName: 'x'.repeat(300_000), endTime },
			{ fileName: '__proto__', endTime, backupSize: 'huge' },
			{ fileName: '../13/20261101', endTime, backupSize: -1 },
			{ fileName: '&lt;a&gt;\u0000\u001b[31m', endTime },
			{ fileName: 'far', endTime: '9999-12-31T23:59:59Z', backupSize: 1e300 },
			{ fileName: '20261101', endTime },
		]
		await start(new Map([['11', instance([])]]), {
			simulator: { listFault: ({ instanceNo }) => (instanceNo === '11' ? listOf(rows) : undefined) },
		})
		await world.sweep(POLICY)
		const [event] = world.coverage
		expect(v.parse(coverageEventSchema, event)).toEqual(event)
		expect(event?.data.backups).toHaveLength(rows.length)
		expect(event?.data.backups.map(({ state }) => state)).toEqual([
			'failing',
			'failing',
			...Array.from({ length: 4 }, () => 'due'),
		])
		expect(statesOf('11')['20261101']).toBe('due')
	})
})

it('brings out the backups of MySQL like those of PostgreSQL, each by its own policy', async () => {
	await start(
		new Map([
			['11', instance(['20261101'])],
			['21', instance(['20261101', '20261102'], { product: 'vmysql' })],
		]),
	)
	await world.sweep({ ...POLICY, name: 'mysql', product: 'mysql', folderPath: 'mysql/{instanceNo}' })
	await exportAll()
	expect(placesOf(performed())).toEqual(['21:mysql/21/20261101', '21:mysql/21/20261102'])
	await world.sweep({ ...POLICY, name: 'mysql', product: 'mysql', folderPath: 'mysql/{instanceNo}' })
	expect(world.coverage.at(-1)).toMatchObject({
		source: '/ncp/vmysql/KR/21',
		data: { product: 'mysql', instanceNo: '21', counts: { covered: 2, due: 0 } },
	})
})

describe('a list that fails', () => {
	const FAULTS: readonly Fault[] = ['throttle', 'cut', 'nonsense', 'reset']

	it('makes a check late, never short, when every second call of a list does', async () => {
		const numbers = Array.from({ length: 12 }, (_, index) => String(100 + index))
		let calls = 0
		const listFault = (): Fault | undefined => (++calls % 2 === 0 ? undefined : FAULTS[calls % FAULTS.length])
		await start(new Map(numbers.map((no) => [no, instance(FILES)])), { simulator: { listFault } })
		await world.sweep(POLICY)
		await passChecking(15)
		await exportAll()
		const wanted = numbers.flatMap((no) => FILES.map((file) => `${no}:${no}/${file}`))
		expect(placesOf(performed()).sort()).toEqual(wanted)
		// No event was made of a part.
		for (const { data } of world.coverage) expect(data.backups).toHaveLength(FILES.length)
	}, 60_000)

	it('concludes nothing while NCP does not answer at all, and makes the check good afterwards', async () => {
		let isDown = true
		const listFault = ({ instanceNo }: { instanceNo?: string }): Fault | undefined =>
			isDown && instanceNo !== undefined ? 'throttle' : undefined
		await start(new Map([['11', instance(FILES)]]), { simulator: { listFault } })
		await world.sweep(POLICY)
		await world.pass(5)
		expect([world.coverage, performed()]).toEqual([[], []])
		isDown = false
		await passChecking(15)
		await exportAll()
		expect(placesOf(performed())).toEqual(FILES.map((file) => `11:11/${file}`))
	})

	it('sends nothing when the instances cannot be listed, and says so to its caller', async () => {
		await start(new Map([['11', instance(FILES)]]), { simulator: { listFault: () => 'throttle' } })
		expect(await world.sweep(POLICY)).toMatchObject({ ok: false, errorType: 'ExportRetryable' })
		expect(await world.sweep({ name: 'x' })).toMatchObject({
			ok: false,
			errorType: 'PolicyInvalid',
			errorMessage: 'the policy is invalid: bucketName is required',
		})
		expect(world.coverage).toEqual([])
	})
})

async function bodiesOf(QueueUrl: string): Promise<string[]> {
	const { Messages = [] } = await world.cloud.aws.sqs.send(
		new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
	)
	return Messages.map(({ Body = '' }) => Body)
}

const s3 = () =>
	createObjectStorage(
		{ objectStorageUrl: world.cloud.aws.endpoint, objectStorageRegion: 'kr-standard' },
		async () => LOCAL_KEYS,
	)

async function removeObject(Key: string): Promise<void> {
	const client = s3()
	await client.send(new DeleteObjectCommand({ Bucket: 'my-bucket', Key }))
	client.destroy()
}

async function putObject(key: string): Promise<void> {
	await world.cloud.aws.putObject('my-bucket', key, 'backup')
}
