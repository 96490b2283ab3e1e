import { describe, expect, it } from 'vitest'
import type { BackupState } from '../../lib/coverage/assess-backup.ts'
import { inspectInstance } from '../../lib/coverage/inspect-instance.ts'
import { ExportError } from '../../lib/errors.ts'
import { type Entry, reserve, settle } from '../../lib/ledger/ledger.ts'
import type { ArrivedObject } from '../../lib/outcome/outcome.ts'
import type { InspectPorts, ListedBackup, Listing } from '../../lib/ports.ts'
import { type DestinationRule, toExportIdentity } from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { acceptedEvent } from '../events.ts'
import { createMemoryDestinations, createMemoryLedger, left } from '../fakes.ts'
import { anObject, backup, END_MS, HOUR_MS, NOW, policy } from './samples.ts'

const API_URL = 'https://ncp.example'

function createWorld(
	backups: readonly ListedBackup[],
	objects: readonly ArrivedObject[] = [],
	rule: DestinationRule = 'exclusive',
) {
	const ledger = createMemoryLedger()
	const destinations = createMemoryDestinations(rule)
	const lists: string[] = []
	const reads: string[] = []
	const ports: InspectPorts = {
		deadline: left(60_000),
		now: () => NOW,
		apiUrl: API_URL,
		listBackups: async () => [...backups],
		listObjects: async (bucketName, prefix) => {
			lists.push(`${bucketName}/${prefix}`)
			return { kind: 'listed', objects: objects.filter(({ key }) => key.startsWith(prefix)), isWhole: true }
		},
		ledger: {
			read: (key) => {
				reads.push(key)
				return ledger.read(key)
			},
		},
		destinations,
	}
	/** An export of the file, in this state. */
	const leave = async (fileName: string, change: (entry: Entry) => Partial<Entry>, folderPath = '1/') => {
		const identity = toExportIdentity(API_URL, request(fileName, folderPath))
		const draft = reserve({
			...identity,
			destinationRule: 'exclusive',
			nowMs: NOW,
			createId: () => `export-${fileName}`,
		})
		const entry = { ...draft, revision: 'r' }
		ledger.entries.set(identity.exportKey, { ...entry, ...change(entry) })
	}
	const inspect = (changes: object = {}, through: Partial<InspectPorts> = {}) =>
		inspectInstance(policy(changes), '1', { ...ports, ...through })
	const states = async (changes: object = {}): Promise<Record<string, BackupState>> => {
		const { backups: assessed } = await inspect(changes)
		return Object.fromEntries(assessed.map(({ fileName, state }) => [fileName, state]))
	}
	return { destinations, lists, reads, leave, inspect, states, ports }
}

const request = (fileName: string, folderPath: string, instanceNo = '1'): ExportRequest => ({
	product: 'postgresql',
	instanceNo,
	fileName,
	bucketName: 'my-bucket',
	folderPath,
	regionCode: 'KR',
})

const completedAt =
	(key: string) =>
	(entry: Entry): Partial<Entry> => {
		const { data, ...event } = acceptedEvent(entry.exportId)
		const object = anObject(key)
		return settle(
			entry,
			{ ...event, data: { ...data, state: 'completed', terminal: true, object } },
			NOW,
			HOUR_MS,
		)
	}

describe('inspectInstance', () => {
	it('lists the folder once, and reads the ledger only for what is not there', async () => {
		const { states, lists, reads } = createWorld([backup('a'), backup('b')], [anObject('1/a')])
		expect(await states()).toEqual({ a: 'covered', b: 'due' })
		expect(lists).toEqual(['my-bucket/1/'])
		expect(reads).toEqual([toExportIdentity(API_URL, request('b', '1/')).exportKey])
	})

	it('makes the very request that a person would make for the file', async () => {
		const { inspect } = createWorld([backup('a')])
		const { backups } = await inspect({ folderPath: 'db/{instanceNo}' })
		expect(backups[0]?.request).toEqual(request('a', 'db/1/'))
	})

	it('finds an export under way, and one that ended without proof', async () => {
		const { states, leave } = createWorld([backup('a'), backup('b')])
		await leave('a', () => ({}))
		const { data, ...event } = acceptedEvent('b')
		const missing = { ...event, data: { ...data, state: 'missing' as const, terminal: true } }
		await leave('b', (entry) => settle(entry, missing, NOW, HOUR_MS))
		expect(await states()).toEqual({ a: 'under-way', b: 'failing' })
	})

	it('calls a completed backup gone only after it looked once more for its object', async () => {
		const { states, leave, lists } = createWorld([backup('a')])
		await leave('a', completedAt('1/a'))
		expect(await states()).toEqual({ a: 'gone' })
		expect(lists).toEqual(['my-bucket/1/', 'my-bucket/1/a'])
	})

	it('takes an object that arrives while it looks for a copy', async () => {
		const { leave, ports, inspect } = createWorld([backup('a')])
		await leave('a', completedAt('1/a'))
		let lists = 0
		const listObjects: InspectPorts['listObjects'] = async () => ({
			kind: 'listed',
			objects: lists++ === 0 ? [] : [anObject('1/a')],
			isWhole: true,
		})
		const { backups } = await inspect({}, { ...ports, listObjects })
		expect(backups).toMatchObject([{ state: 'covered', proof: { key: '1/a' } }])
	})

	it('takes the object of a completed export wherever it lies', async () => {
		const { states, leave } = createWorld([backup('a')], [anObject('elsewhere/1/a')])
		await leave('a', completedAt('elsewhere/1/a'))
		expect(await states()).toEqual({ a: 'covered' })
	})

	it.each([
		['is empty', anObject('elsewhere/1/a', { size: 0 })],
		['has only a key that begins alike', anObject('elsewhere/1/a.tmp')],
	])('takes no object for that of a completed export that %s', async (_name, object) => {
		const { states, leave } = createWorld([backup('a')], [object])
		await leave('a', completedAt('elsewhere/1/a'))
		expect(await states()).toEqual({ a: 'gone' })
	})

	it('looks for the object of a completed export alone', async () => {
		const { states, leave, lists } = createWorld([backup('a')], [anObject('elsewhere/1/a')])
		await leave('a', (entry) => ({ ...completedAt('elsewhere/1/a')(entry), state: 'unverified' as const }))
		expect(await states()).toEqual({ a: 'failing' })
		expect(lists).toEqual(['my-bucket/1/'])
	})

	it('takes a rejected request for no export: it is due, and names none', async () => {
		const { inspect, leave } = createWorld([backup('a')])
		await leave('a', (entry) => ({ ...completedAt('1/a')(entry), state: 'rejected' as const }))
		const { backups } = await inspect()
		expect(backups).toMatchObject([{ state: 'due', entry: null }])
	})

	it('asks NCP for the backups of that instance, within the time for a look', async () => {
		const asked: unknown[] = []
		const { inspect } = createWorld([])
		const listBackups: InspectPorts['listBackups'] = async (...args) => {
			asked.push(args)
			return []
		}
		await inspect({}, { listBackups, deadline: left(20_000) })
		expect(asked).toEqual([
			[{ product: 'postgresql', regionCode: 'KR', instanceNo: '1' }, expect.any(Number)],
		])
	})

	it('says which names are too many to be read', async () => {
		const { inspect } = createWorld([backup('a')])
		const listObjects = async (): Promise<Listing> => ({ kind: 'listed', objects: [], isWhole: false })
		await expect(inspect({}, { listObjects })).rejects.toMatchObject({
			code: 'BUCKET_UNREADABLE',
			message: 'the bucket my-bucket cannot be listed: more than can be read begin with 1/a',
		})
	})

	it('concludes nothing from a bucket that cannot be listed', async () => {
		const { inspect } = createWorld([backup('a')])
		const listObjects = async (): Promise<Listing> => ({ kind: 'unreadable', reason: 'AccessDenied' })
		await expect(inspect({}, { listObjects })).rejects.toMatchObject({
			code: 'BUCKET_UNREADABLE',
			message: 'the bucket my-bucket cannot be listed: AccessDenied',
		})
	})

	it('concludes nothing from a list that NCP did not give', async () => {
		const { inspect } = createWorld([])
		const listBackups = async () => {
			throw new ExportError('NCP_LATER', 'the list is not whole: 7 of 9 rows')
		}
		await expect(inspect({}, { listBackups })).rejects.toMatchObject({ code: 'NCP_LATER' })
	})

	it('finds the copies by name in a folder with more objects than can be read', async () => {
		const objects = [anObject('1/a'), anObject('1/zzz')]
		const { inspect, ports } = createWorld([backup('a'), backup('b')], objects)
		const listObjects: InspectPorts['listObjects'] = async (bucketName, prefix, timeoutMs) => {
			const listing = await ports.listObjects(bucketName, prefix, timeoutMs)
			return prefix === '1/' ? { ...listing, kind: 'listed', objects: [], isWhole: false } : listing
		}
		const { backups } = await inspect({}, { listObjects })
		expect(backups.map(({ state }) => state)).toEqual(['covered', 'due'])
	})

	it('concludes nothing when even the keys that begin with one name are too many', async () => {
		const { inspect } = createWorld([backup('a')])
		const listObjects = async (): Promise<Listing> => ({ kind: 'listed', objects: [], isWhole: false })
		await expect(inspect({}, { listObjects })).rejects.toMatchObject({ code: 'BUCKET_UNREADABLE' })
	})

	it('proves nothing with an object that a file with a longer name may have left', async () => {
		const { states, destinations } = createWorld([backup('a')], [anObject('1/a-1')])
		expect(await states()).toEqual({ a: 'covered' })
		// NCP does not list that backup any more, but somebody exported it.
		await destinations.take(request('a-1', '1/'), 'other', NOW)
		expect(await states()).toEqual({ a: 'due' })
	})

	it('proves nothing in a place of another instance, and does not ask for it', async () => {
		const { states, destinations } = createWorld([backup('a')], [anObject('shared/a')])
		const one = { instances: ['1'], folderPath: 'shared/' }
		expect(await states(one)).toEqual({ a: 'covered' })
		await destinations.take(request('a', 'shared/', '2'), 'other', NOW)
		expect(await states(one)).toEqual({ a: 'failing' })
	})

	it('proves nothing with what lies in a folder below, which may be a neighbour’s', async () => {
		const { states } = createWorld([backup('a')], [anObject('backups/2/a')])
		expect(await states({ instances: ['1'], folderPath: 'backups/' })).toEqual({ a: 'due' })
	})

	it('takes what lies below a folder with the instance’s number, unless another export asked for that place', async () => {
		const { states, destinations } = createWorld([backup('a')], [anObject('1/sub/a')])
		expect(await states()).toEqual({ a: 'covered' })
		await destinations.take(request('a', '1/sub/', '2'), 'other', NOW)
		expect(await states()).toEqual({ a: 'due' })
	})

	it('proves nothing in a folder with its own number that belongs to another instance', async () => {
		const { states, destinations } = createWorld([backup('a')], [anObject('1/a')])
		// Another policy gives instance 2 the folder "1/".
		await destinations.take(request('a', '1/', '2'), 'other', NOW)
		expect(await states()).toEqual({ a: 'failing' })
	})

	it('proves an export by a key with the instance’s number alone where destinations are shared', async () => {
		const { states } = createWorld([backup('a')], [anObject('shared/a')], 'shared')
		expect(await states({ instances: ['1'], folderPath: 'shared/' })).toEqual({ a: 'due' })
		const own = createWorld([backup('a')], [anObject('shared/1/a')], 'shared')
		expect(await own.states({ instances: ['1'], folderPath: 'shared/' })).toEqual({ a: 'covered' })
	})

	it('proves nothing with a completed export that somebody asked for before the backup ended', async () => {
		const early = anObject('1/a', { atMs: END_MS - 10 * 60_000 })
		const { states, leave } = createWorld([backup('a')], [early])
		const completed = (entry: Entry): Partial<Entry> => {
			const { event } = completedAt('1/a')(entry)
			if (!event) throw new Error('a completed entry has an event')
			return { ...completedAt('1/a')(entry), event: { ...event, data: { ...event.data, object: early } } }
		}
		await leave('a', completed)
		expect(await states()).toEqual({ a: 'failing' })
		// Coverage asks for a finished backup alone, so its word counts, whatever NCP's clock says.
		await leave('a', (entry) => ({ ...completed(entry), coverage: 'ordered' as const }))
		expect(await states()).toEqual({ a: 'covered' })
	})

	it('reports a file that no request can name as failing', async () => {
		const { states, reads } = createWorld([backup(' a'), backup('')])
		expect(await states()).toEqual({ ' a': 'failing', '': 'failing' })
		expect(reads).toEqual([])
	})

	it('checks 300 backups, each in its place', async () => {
		const many = Array.from({ length: 300 }, (_, index) => backup(`f${index}`))
		const { inspect } = createWorld(
			many,
			many.slice(0, 100).map(({ fileName }) => anObject(`1/${fileName}`)),
		)
		const { backups } = await inspect()
		expect(backups.map(({ fileName }) => fileName)).toEqual(many.map(({ fileName }) => fileName))
		expect(backups.filter(({ state }) => state === 'covered')).toHaveLength(100)
	})
})
