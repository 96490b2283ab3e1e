import { describe, expect, it } from 'vitest'
import { createFindObject } from '../../lib/arrival/find-object.ts'
import { ExportError } from '../../lib/errors.ts'
import { settle } from '../../lib/ledger/ledger.ts'
import type { ArrivedObject, SettledState } from '../../lib/outcome/outcome.ts'
import type { ArrivalPorts, Listing } from '../../lib/ports.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { newDraft } from '../entries.ts'
import { acceptedEvent } from '../events.ts'
import { createArrivalPorts, createMemoryDestinations, createMemoryLedger } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 24)
const FILE = '20210528'
const REQUEST: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1001',
	fileName: FILE,
	bucketName: 'my-bucket',
}

const object = (key: string, changes: Partial<ArrivedObject> = {}): ArrivedObject => ({
	key,
	size: 6,
	etag: 'e',
	lastModified: new Date(NOW).toISOString(),
	...changes,
})

interface Look {
	request?: Partial<ExportRequest>
	keyPrefix?: string
	isDestinationOurs?: boolean
	isThorough?: boolean
	ports?: Partial<ArrivalPorts>
}

/** Looks into a bucket with these objects. */
async function look(objects: readonly (ArrivedObject | string)[], options: Look = {}) {
	const { request = {}, isDestinationOurs = true, isThorough = true, keyPrefix = '{fileName}' } = options
	const listed: string[] = []
	const all = objects.map((each) => (typeof each === 'string' ? object(each) : each))
	const listObjects = async (_bucket: string, prefix: string): Promise<Listing> => {
		listed.push(prefix)
		return { kind: 'listed', objects: all.filter(({ key }) => key.startsWith(prefix)), isWhole: true }
	}
	const ports = createArrivalPorts({ listObjects, keyPrefix, ...options.ports })
	const wanted = { request: { ...REQUEST, ...request }, notBeforeMs: NOW, isDestinationOurs }
	// Taken when the export was claimed.
	await ports.destinations?.take(wanted.request, 'ours', NOW)
	const find = createFindObject(ports)
	return { finding: await find(wanted, isThorough), listed }
}

describe('createFindObject', () => {
	it.each([
		['its own name', FILE, '{fileName}'],
		['its name and an ending', '20210528.tar.gz', '{fileName}'],
		['its name and more', '20210528_full-1', '{fileName}'],
		['a key with the number of its instance', 'exports/1001/2026/20210528', '{fileName}'],
		['the configured prefix', 'backups/20210528.gz', 'backups/'],
		['a prefix with its instance', 'i-1001/20210528', 'i-{instanceNo}/'],
		['a prefix with the older name of the instance', 'i-1001/20210528', 'i-{cloudPostgresqlInstanceNo}/'],
	])('finds the object under %s', async (_name, key, keyPrefix) => {
		const { finding } = await look([key], { keyPrefix })
		expect(finding).toEqual({ kind: 'found', object: object(key), candidates: [key] })
	})

	it('takes the file name as it is, not as a replacement pattern', async () => {
		const { finding } = await look(['a$&b'], { request: { fileName: 'a$&b' } })
		expect(finding).toMatchObject({ kind: 'found', object: { key: 'a$&b' } })
	})

	it.each([
		['nothing at all', []],
		['an empty object', [object(FILE, { size: 0 })]],
		['an object that is too old', [object(FILE, { lastModified: new Date(NOW - 300_001).toISOString() })]],
		['an object without a time', [object(FILE, { lastModified: new Date(0).toISOString() })]],
		[
			'other files',
			[
				'20210529',
				'20210528/other',
				'120210528',
				'pg-20210528.tar.gz',
				'reports/monthly-20210528-summary.csv',
				'1001/20210528 copy',
				'202105280.gz',
			],
		],
	] as [string, (ArrivedObject | string)[]][])(
		'returns "absent" for a bucket with %s',
		async (_name, objects) => {
			expect((await look(objects)).finding).toEqual({ kind: 'absent' })
		},
	)

	it('tolerates a clock that is five minutes off', async () => {
		const lastModified = new Date(NOW - 300_000).toISOString()
		expect((await look([object(FILE, { lastModified })])).finding.kind).toBe('found')
	})

	it.each(['exports/2026/20210528', '10010/20210528.gz', 'i-1001/20210528'])(
		'calls %s a candidate: it does not say whose it is',
		async (key) => {
			const { finding } = await look([key])
			expect(finding).toEqual({ kind: 'candidates', keys: [key], doubt: 'elsewhere' })
		},
	)

	it('does not take a file name of the same digits for the instance’s number', async () => {
		const { finding } = await look(['exports/20210528'], { request: { instanceNo: FILE } })
		expect(finding.kind).toBe('candidates')
	})

	it.each(['dump/', '/', '///'])('matches no object to the file name %s', async (fileName) => {
		const { finding } = await look(['unrelated.bin'], { request: { fileName }, keyPrefix: '' })
		expect(finding.kind).toBe('absent')
	})

	it('prefers the exact file name, then the newest, and names every candidate', async () => {
		const newer = new Date(NOW + 1_000).toISOString()
		const objects = [object('20210528-1'), object('20210528-2', { lastModified: newer })]
		expect((await look(objects)).finding).toMatchObject({ object: { key: '20210528-2' } })
		expect((await look([...objects, FILE])).finding).toMatchObject({
			object: { key: FILE },
			candidates: [FILE, '20210528-2', '20210528-1'],
		})
	})

	it('lists the expected place first, and the whole bucket only when nothing is there', async () => {
		expect((await look([FILE])).listed).toEqual([FILE])
		expect((await look([])).listed).toEqual([FILE, ''])
		expect((await look([], { keyPrefix: '' })).listed).toEqual([''])
	})

	describe('with a folder', () => {
		const request = { folderPath: 'pg/1/' }

		it('finds the object in the folder, whatever lies elsewhere', async () => {
			const { finding, listed } = await look(['pg/1/20210528', FILE, 'pg/2/20210528'], { request })
			expect(finding).toMatchObject({ object: { key: 'pg/1/20210528' }, candidates: ['pg/1/20210528'] })
			expect(listed).toEqual(['pg/1/'])
		})

		it.each([
			['a neighbour’s folder', 'pg/2/20210528'],
			['a folder whose name starts alike', 'pg/10/20210528'],
		])('does not look into %s', async (_name, key) => {
			expect((await look([key], { request })).finding).toEqual({ kind: 'absent' })
		})

		it('looks where the file lies without a folder only when the look is thorough, and finds candidates there', async () => {
			const quick = await look(['20210528.gz'], { request, isThorough: false })
			expect(quick).toEqual({ finding: { kind: 'absent' }, listed: ['pg/1/'] })
			const { finding } = await look(['20210528.gz'], { request })
			expect(finding).toEqual({ kind: 'candidates', keys: ['20210528.gz'], doubt: 'elsewhere' })
		})

		it('names ten candidates at most', async () => {
			const keys = Array.from({ length: 11 }, (_, n) => `20210528-${n}`)
			expect((await look(keys, { request })).finding).toMatchObject({ keys: { length: 10 } })
		})
	})

	describe('when others may write to the destination', () => {
		it('is satisfied only by a key that names the instance', async () => {
			const options = { isDestinationOurs: false }
			const { finding } = await look([FILE], options)
			expect(finding).toEqual({ kind: 'candidates', keys: [FILE], doubt: 'shared' })
			expect((await look(['1001/20210528'], options)).finding.kind).toBe('found')
		})
	})

	it('finds the object by the beginning of its key in a folder of more objects than may be read', async () => {
		const listed: string[] = []
		const listObjects = async (_bucket: string, prefix: string): Promise<Listing> => {
			listed.push(prefix)
			const isWhole = prefix !== 'db/'
			return { kind: 'listed', objects: isWhole ? [object('db/20210528.gz')] : [object('db/1.log')], isWhole }
		}
		const request = { folderPath: 'db/' }
		const { finding } = await look([], { request, isThorough: false, ports: { listObjects } })
		expect(finding).toMatchObject({ kind: 'found', object: { key: 'db/20210528.gz' } })
		expect(listed).toEqual(['db/', 'db/20210528'])
	})

	it('renders a file name as it is, even when it holds a variable', async () => {
		const request = { fileName: '{instanceNo}' }
		expect((await look(['{instanceNo}'], { request })).finding.kind).toBe('found')
	})

	it('weighs twenty thousand keys of slashes in no time', async () => {
		const keys = Array.from({ length: 20_000 }, (_, n) => `${n}${'/'.repeat(1_000)}`)
		const startedMs = performance.now()
		expect((await look(keys, { keyPrefix: '' })).finding.kind).toBe('absent')
		expect(performance.now() - startedMs).toBeLessThan(2_000)
	})

	describe('when the listing has a gap', () => {
		const listing = (prefix: string, gapAt: string, isWhole: boolean): Listing =>
			isWhole || prefix !== gapAt
				? { kind: 'listed', objects: [], isWhole: isWhole || prefix !== gapAt }
				: { kind: 'unreadable', reason: 'AccessDenied' }

		it.each([FILE, ''])('cannot tell when the prefix "%s" cannot be listed', async (gapAt) => {
			const listObjects = async (_bucket: string, prefix: string) => listing(prefix, gapAt, false)
			const { finding } = await look([], { ports: { listObjects } })
			expect(finding).toEqual({ kind: 'unreadable', reason: 'AccessDenied' })
		})

		it('cannot tell when there are more objects than may be read', async () => {
			const objects = [object('other')]
			const listObjects = async (): Promise<Listing> => ({ kind: 'listed', objects, isWhole: false })
			const { finding } = await look([], { ports: { listObjects } })
			expect(finding).toEqual({ kind: 'unreadable', reason: 'more than 1 keys' })
		})

		it('finds what it can see', async () => {
			const objects = [object(FILE)]
			const listObjects = async (): Promise<Listing> => ({ kind: 'listed', objects, isWhole: false })
			expect((await look([], { ports: { listObjects } })).finding.kind).toBe('found')
		})
	})

	describe('when another export asked for a file of that name in the bucket', () => {
		const LOCATION = 'b/20210528'

		/** Another export with a request that differs from ours in these fields. */
		async function withRival(
			rival: Partial<ExportRequest>,
			state: SettledState | 'claimed' | 'waiting' | 'gone' = 'accepted',
			key = LOCATION,
		) {
			const ledger = createMemoryLedger()
			const destinations = createMemoryDestinations()
			await destinations.take({ ...REQUEST, instanceNo: '2002', ...rival }, 'rival', NOW)
			if (state === 'gone') return { ledger, destinations }
			const entry = await ledger.replace(null, newDraft('rival', NOW), NOW)
			if (entry === null) throw new Error('the ledger is new')
			if (state === 'waiting') await ledger.replace(entry, { ...entry, state }, NOW)
			else if (state !== 'claimed') {
				const event = acceptedEvent('rival')
				event.data.state = state
				if (state === 'completed') event.data.object = object(key)
				await ledger.replace(entry, settle(entry, event, NOW, 1), NOW)
			}
			return { ledger, destinations }
		}

		it.each([
			['accepted', 'candidates'],
			['unknown', 'candidates'],
			['claimed', 'candidates'],
			['missing', 'candidates'],
			['unverified', 'candidates'],
			['completed', 'found'],
			['refused', 'found'],
			['exhausted', 'found'],
			['waiting', 'found'],
			['gone', 'found'],
		] as const)('and that export is %s: %s', async (state, kind) => {
			const ports = await withRival({ folderPath: 'b/' }, state)
			expect((await look([FILE], { ports })).finding.kind).toBe(kind)
		})

		it('is not satisfied once the destination is another instance’s', async () => {
			const { ledger, destinations } = await withRival({}, 'gone')
			const ports = { ledger, destinations }
			expect((await look([FILE], { ports })).finding).toMatchObject({ doubt: 'contested' })
			const request = { folderPath: 'pg/1/' }
			await destinations.take({ ...REQUEST, ...request, instanceNo: '2002' }, 'rival', NOW)
			expect((await look(['pg/1/20210528'], { request, ports })).finding).toMatchObject({
				doubt: 'contested',
			})
		})

		it('cannot know where the copies of earlier exports for the other destination lie', async () => {
			const ports = await withRival({ folderPath: 'b/' }, 'completed')
			const { destinations } = ports
			const rival = { ...REQUEST, instanceNo: '2002', folderPath: 'b/' }
			await destinations.take(rival, 'rival', NOW)
			expect((await look([FILE], { ports })).finding.kind).toBe('found')
			await destinations.take(rival, 'later', NOW)
			await destinations.take(rival, 'rival', NOW)
			expect((await look([FILE], { ports })).finding.kind).toBe('candidates')
		})

		it('is not satisfied by the object that proved the other export', async () => {
			const ports = await withRival({ folderPath: 'b/' }, 'completed', '20210528.gz')
			const { finding } = await look(['20210528.gz'], { ports })
			expect(finding).toEqual({ kind: 'candidates', keys: ['20210528.gz'], doubt: 'contested' })
			const elsewhere = await look(['20210528.gz', 'x/1001/20210528'], { ports })
			expect(elsewhere.finding).toMatchObject({ object: { key: 'x/1001/20210528' } })
		})

		it('is not satisfied by another object of an export that landed as several', async () => {
			const ports = await withRival({ fileName: '20210528_1' }, 'completed', '20210528_1.part1')
			const keys = ['20210528_1.part1', '20210528_1.part2']
			expect((await look(keys, { ports })).finding).toMatchObject({ kind: 'candidates', keys })
		})

		it('finds its own object among many of longer names', async () => {
			const ports = await withRival({ fileName: '20210528_1' })
			const keys = Array.from({ length: 12 }, (_, n) => `20210528_1.${n}.gz`)
			expect((await look([...keys, '20210528.gz'], { ports })).finding).toMatchObject({
				object: { key: '20210528.gz' },
			})
		})

		it('is satisfied by its own number, however many other instances share the bucket', async () => {
			const ledger = createMemoryLedger()
			const destinations = createMemoryDestinations('shared')
			for (let n = 0; n < 500; n++)
				await destinations.take({ ...REQUEST, instanceNo: `${5_000 + n}` }, `${n}`, NOW)
			const { finding } = await look(['x/1001/20210528'], {
				isDestinationOurs: false,
				ports: { ledger, destinations },
			})
			expect(finding.kind).toBe('found')
		})

		it('is not satisfied by the same backup in another folder that was asked for', async () => {
			const ports = await withRival({ instanceNo: '1001', folderPath: '1001/' })
			expect((await look(['1001/20210528'], { ports })).finding.kind).toBe('candidates')
			expect((await look(['archive/1001/20210528'], { ports })).finding.kind).toBe('candidates')
		})

		it('is not satisfied by another instance’s folder with the number of this one', async () => {
			const ports = await withRival({ folderPath: '1001/' })
			expect((await look(['1001/20210528'], { ports })).finding.kind).toBe('candidates')
		})

		it.each([
			['of the same instance', '1001'],
			['of another', '2002'],
		])('and the file, %s, is named like this one with an ending', async (_name, instanceNo) => {
			const ports = await withRival({ instanceNo, fileName: '20210528_1' })
			for (const key of ['20210528_1', '20210528_1.tar.gz'])
				expect((await look([key], { ports })).finding.kind).toBe('candidates')
			expect((await look([FILE], { ports })).finding.kind).toBe('found')
			expect((await look(['20210528_2'], { ports })).finding.kind).toBe('found')
		})

		it.each([
			['into another bucket', { bucketName: 'other-bucket' }],
			['of another file', { fileName: '20210529' }],
		])('which is %s, and does not matter', async (_name, rival) => {
			const ports = await withRival(rival)
			expect((await look([FILE], { ports })).finding.kind).toBe('found')
		})

		it('does not look for rivals when the object is exactly where its folder says', async () => {
			const ports = await withRival({ folderPath: undefined })
			const request = { folderPath: 'pg/1/' }
			expect((await look(['pg/1/20210528'], { request, ports })).finding.kind).toBe('found')
			expect((await look(['pg/1/20210528.gz'], { request, ports })).finding.kind).toBe('found')
		})

		it('is not satisfied by an object deeper in the folder that another asked for', async () => {
			const ports = await withRival({ folderPath: 'pg/1/sub/' })
			const request = { folderPath: 'pg/1/' }
			expect((await look(['pg/1/sub/20210528'], { request, ports })).finding.kind).toBe('candidates')
			expect((await look(['pg/1/2026/20210528'], { request, ports })).finding.kind).toBe('found')
		})

		it('proves nothing by a name that hundreds of destinations have, or that has too many parts', async () => {
			const { ledger, destinations } = await withRival({ folderPath: 'b/' }, 'gone')
			for (let n = 0; n < 101; n++)
				await destinations.take({ ...REQUEST, instanceNo: `${n}`, folderPath: `${n}/` }, 'gone', NOW)
			const ports = { ledger, destinations }
			expect((await look([FILE], { ports })).finding).toMatchObject({ doubt: 'contested' })
			const parts = `20210528${'.x'.repeat(25)}`
			expect((await look([parts])).finding).toMatchObject({ doubt: 'contested' })
		})

		it('throws LEDGER_UNAVAILABLE when the table does not say', async () => {
			const destinations = {
				...createMemoryDestinations(),
				namesakes: async () => {
					throw new ExportError('LEDGER_UNAVAILABLE', 'down')
				},
			}
			await expect(look([FILE], { ports: { destinations } })).rejects.toMatchObject({
				code: 'LEDGER_UNAVAILABLE',
			})
		})
	})
})
