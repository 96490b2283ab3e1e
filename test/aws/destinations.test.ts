import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDestinations } from '../../lib/aws/destinations.ts'
import { createDynamoDb } from '../../lib/aws/dynamodb.ts'
import { createExportFinder } from '../../lib/aws/exports-table.ts'
import type { DestinationRule } from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'
import { type Intercept, startGate } from '../gate.ts'
import { readItems } from '../integration/table.ts'

const NOW = Date.UTC(2026, 10, 24)
const DAY_MS = 24 * 60 * 60 * 1000

let table: EmbeddedTable
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
})
afterAll(() => table.stop())

const createAt = (url: string, apiUrl = 'https://ncp.example', rule: DestinationRule = 'exclusive') =>
	createDestinations(
		createDynamoDb(callLocal('dynamodb', url, 'ap-northeast-2')),
		table.tableName,
		apiUrl,
		rule,
	)

let buckets = 0
/** Requests for one destination that no other test asks for. */
function createWorld() {
	const bucketName = `bucket-${++buckets}`
	const destinations = createAt(table.endpoint)
	const request = (changes: Partial<ExportRequest> = {}): ExportRequest => ({
		product: 'postgresql',
		instanceNo: '1',
		fileName: '20210528',
		bucketName,
		regionCode: 'KR',
		...changes,
	})
	/** Resolves with the instance that has it, or null. */
	const take = async (changes: Partial<ExportRequest> = {}, nowMs = NOW, through = destinations) => {
		const taking = await through.take(request(changes), `export-of-${changes.instanceNo ?? 1}`, nowMs)
		return taking.kind === 'held' ? taking.by : null
	}
	return { bucketName, destinations, request, take }
}

describe('take', () => {
	it('gives a destination to the first instance, and names it to all others', async () => {
		const { take } = createWorld()
		expect(await take()).toBeNull()
		expect(await take({ instanceNo: '2' })).toBe('vpostgresql/KR/1')
		expect(await take()).toBeNull()
	})

	it.each([[{ folderPath: 'a/' }], [{ fileName: '20210529' }], [{ bucketName: 'another-bucket' }]])(
		'takes %o for another destination',
		async (changes) => {
			const { take } = createWorld()
			await take()
			expect(await take({ instanceNo: '2', ...changes })).toBeNull()
		},
	)

	it('takes the same number in another region for another instance', async () => {
		const { take } = createWorld()
		await take()
		expect(await take({ regionCode: 'SG' })).toBe('vpostgresql/KR/1')
	})

	it('knows one path, however it is divided into folder and file name', async () => {
		const { take } = createWorld()
		await take({ folderPath: 'a/' })
		expect(await take({ instanceNo: '2', fileName: 'a/20210528' })).toBe('vpostgresql/KR/1')
	})

	it('keeps the buckets of different zones apart', async () => {
		const { take } = createWorld()
		await take()
		const gov = createAt(table.endpoint, 'https://gov.example')
		expect(await take({ instanceNo: '2' }, NOW, gov)).toBeNull()
	})

	it('keeps a destination for 60 days after the instance last asked for it', async () => {
		const { take } = createWorld()
		await take()
		await take({}, NOW + 30 * DAY_MS)
		expect(await take({ instanceNo: '2' }, NOW + 90 * DAY_MS - 1_000)).toBe('vpostgresql/KR/1')
		expect(await take({ instanceNo: '2' }, NOW + 90 * DAY_MS)).toBeNull()
		expect(await take({}, NOW + 90 * DAY_MS)).toBe('vpostgresql/KR/2')
	})

	it('gives it to exactly one of many that ask at once', async () => {
		const { take } = createWorld()
		const asked = Array.from({ length: 20 }, (_, n) => take({ instanceNo: `${n}` }))
		const holders = await Promise.all(asked)
		expect(holders.filter((holder) => holder === null)).toHaveLength(1)
		expect(new Set(holders).size).toBe(2)
	})

	it('refuses no instance when destinations may be shared, but keeps them all', async () => {
		const { bucketName, take } = createWorld()
		const shared = createAt(table.endpoint, 'https://ncp.example', 'shared')
		expect(await take({}, NOW, shared)).toBeNull()
		expect(await take({ instanceNo: '2' }, NOW, shared)).toBeNull()
		expect((await shared.namesakes(bucketName, '20210528', 10)).read).toHaveLength(2)
	})

	it('says who holds a destination', async () => {
		const { bucketName, destinations, take } = createWorld()
		const request = { product: 'postgresql', instanceNo: '9', fileName: '20210528', bucketName } as const
		expect(await destinations.holder(request, NOW)).toBeNull()
		await take()
		expect(await destinations.holder(request, NOW)).toBe('vpostgresql/KR/1')
		expect(await destinations.holder(request, NOW + 59 * DAY_MS)).toBe('vpostgresql/KR/1')
		// DynamoDB may not have deleted it yet.
		expect(await destinations.holder(request, NOW + 60 * DAY_MS)).toBeNull()
	})

	it('stays with a delivery that relies on it when an earlier one of the same export undoes its own taking', async () => {
		const { bucketName, destinations } = createWorld()
		const request = { product: 'postgresql', instanceNo: '9', fileName: '20210528', bucketName } as const
		const first = await destinations.take(request, 'key', NOW)
		const second = await destinations.take(request, 'key', NOW)
		expect(second.kind).toBe('ours')
		if (first.kind === 'ours') await first.undo()
		expect(await destinations.holder(request, NOW)).toBe('vpostgresql/-/9')
		// Nor does the second one take from the first what was there before it.
		if (second.kind === 'ours') await second.undo()
		expect(await destinations.holder(request, NOW)).toBe('vpostgresql/-/9')
	})

	it('knows an instance by its number where the region is left out', async () => {
		const { take } = createWorld()
		expect(await take({ regionCode: undefined })).toBeNull()
		expect(await take()).toBeNull()
		// From now on it is known which one it is.
		expect(await take({ regionCode: 'SG' })).toBe('vpostgresql/KR/1')
		expect(await take({ regionCode: undefined })).toBeNull()
	})

	it('gives it to exactly one of two that ask for what has expired', async () => {
		const { take } = createWorld()
		await take()
		const later = NOW + 61 * DAY_MS
		const holders = await Promise.all([take({ instanceNo: '2' }, later), take({ instanceNo: '3' }, later)])
		expect(holders.filter((holder) => holder === null)).toHaveLength(1)
	})

	describe('when asking is undone', () => {
		const ask = async ({ destinations, request }: ReturnType<typeof createWorld>, askedBy: string) => {
			const taking = await destinations.take(request(), askedBy, NOW)
			if (taking.kind === 'held') throw new Error('it is held')
			return taking
		}

		it('is free again, if it was before', async () => {
			const world = createWorld()
			await (await ask(world, 'a')).undo()
			expect(await world.take({ instanceNo: '2' })).toBeNull()
		})

		it('is as it was before', async () => {
			const world = createWorld()
			await ask(world, 'a')
			await (await ask(world, 'b')).undo()
			expect((await world.destinations.namesakes(world.bucketName, '20210528', 1)).read).toMatchObject([
				{ askedBy: 'a', isAskedBySeveral: false },
			])
		})

		it('stays as it is when somebody else has asked since', async () => {
			const world = createWorld()
			const first = await ask(world, 'a')
			await ask(world, 'b')
			await first.undo()
			expect(await world.take({ instanceNo: '2' })).toBe('vpostgresql/KR/1')
		})
	})

	describe('when it is given back', () => {
		const giveBack = ({ destinations, request }: ReturnType<typeof createWorld>, requestedAtMs = NOW) =>
			destinations.giveBack(request(), 'export-of-1', requestedAtMs)

		it('is free for another instance', async () => {
			const world = createWorld()
			await world.take()
			await giveBack(world)
			expect(await world.take({ instanceNo: '2' })).toBeNull()
		})

		it('stays taken when another export of the instance has ever asked for it', async () => {
			const world = createWorld()
			await world.take()
			await world.destinations.take(world.request(), 'another-export', NOW)
			await world.take()
			await giveBack(world)
			expect(await world.take({ instanceNo: '2' })).toBe('vpostgresql/KR/1')
		})

		it('stays taken when an earlier export with the same key asked for it: its copy may be there', async () => {
			const world = createWorld()
			await world.take({}, NOW - DAY_MS)
			await world.take()
			await giveBack(world)
			expect(await world.take({ instanceNo: '2' })).toBe('vpostgresql/KR/1')
		})

		it('stays taken by another instance', async () => {
			const world = createWorld()
			await world.take({ instanceNo: '2' })
			await giveBack(world)
			expect(await world.destinations.holder(world.request(), NOW)).toBe('vpostgresql/KR/2')
		})
	})

	describe('when the answer is lost', () => {
		const loseFirst = async (operation: string) => {
			let isLost = false
			const intercept: Intercept = (call, phase) => {
				if (phase === 'before' || isLost || call.operation !== operation) return
				isLost = true
				throw new Error('lost')
			}
			return startGate(table.endpoint, intercept)
		}

		it('has the destination, and gets it again', async () => {
			const { take } = createWorld()
			const gate = await loseFirst('PutDestination')
			// The client may repeat the call by itself.
			await take({}, NOW, createAt(gate.url)).catch(({ code }) => expect(code).toBe('LEDGER_UNAVAILABLE'))
			await gate.stop()
			expect(await take({ instanceNo: '2' })).toBe('vpostgresql/KR/1')
			expect(await take()).toBeNull()
		})
	})

	it('throws LEDGER_UNAVAILABLE when the table does not answer', async () => {
		const { take } = createWorld()
		const down = createAt('http://127.0.0.1:1')
		await expect(take({}, NOW, down)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
	})
})

describe('namesakes', () => {
	it('finds the destinations in a bucket whose file has the name, in any folder', async () => {
		const { bucketName, destinations, request, take } = createWorld()
		await take()
		await take({ instanceNo: '2', folderPath: 'a/' })
		await take({ instanceNo: '3', fileName: 'dir/20210528' })
		await take({ instanceNo: '4', fileName: '20210529' })
		await take({ instanceNo: '5', bucketName: 'another-bucket' })
		const { read: found, isWhole } = await destinations.namesakes(bucketName, '20210528', 10)
		expect(isWhole).toBe(true)
		expect(found.sort((a, b) => a.instance.localeCompare(b.instance))).toEqual([
			{
				instance: 'vpostgresql/KR/1',
				folderPath: undefined,
				fileName: '20210528',
				askedBy: 'export-of-1',
				isAskedBySeveral: false,
			},
			{
				instance: 'vpostgresql/KR/2',
				folderPath: 'a/',
				fileName: '20210528',
				askedBy: 'export-of-2',
				isAskedBySeveral: false,
			},
			{
				instance: 'vpostgresql/KR/3',
				folderPath: undefined,
				fileName: 'dir/20210528',
				askedBy: 'export-of-3',
				isAskedBySeveral: false,
			},
		])
		expect(await destinations.namesakes(bucketName, '20210528', 2)).toMatchObject({ isWhole: false })
		await destinations.take(request({ fileName: '20210529', instanceNo: '4' }), 'another-export', NOW)
		expect((await destinations.namesakes(bucketName, '20210529', 2)).read).toMatchObject([
			{ askedBy: 'another-export', isAskedBySeveral: true },
		])
	})

	it('are never found as exports, and stay under 1 KB', async () => {
		const { take } = createWorld()
		await take({ fileName: 'x'.repeat(255), folderPath: `${'y'.repeat(200)}/` })
		const find = createExportFinder(
			createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2')),
			table.tableName,
		)
		for (const item of await readItems(table)) {
			expect(await find(String(item.exportId), NOW)).toBeNull()
			expect(JSON.stringify(item).length).toBeLessThan(1_024)
		}
	})
})
