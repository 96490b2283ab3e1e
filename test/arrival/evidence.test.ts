import { describe, expect, it } from 'vitest'
import { isRival, namesOfRivals, weigh } from '../../lib/arrival/evidence.ts'
import type { Namesake } from '../../lib/ports.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'

const NOW = Date.UTC(2026, 10, 24)

const request = (folderPath?: string): ExportRequest => ({
	product: 'postgresql',
	instanceNo: '1',
	fileName: '20210528',
	bucketName: 'b',
	folderPath,
	regionCode: 'KR',
})

const object = (key: string) => ({ key, size: 1, etag: 'e', lastModified: new Date(NOW).toISOString() })

describe('weigh', () => {
	it('takes an object for a proof or for a candidate, never for both', () => {
		const wanted = { request: request('1/'), notBeforeMs: NOW, isDestinationOurs: true }
		const { proofs, candidates } = weigh([object('1/20210528'), object('20210528')], wanted, '1/')
		expect(proofs.map(({ key }) => key)).toEqual(['1/20210528'])
		expect(candidates.map(({ key }) => key)).toEqual(['20210528'])
	})

	it('takes a folder for no file', () => {
		const wanted = { request: request(), notBeforeMs: NOW, isDestinationOurs: true }
		expect(weigh([object('folder/')], wanted, '')).toEqual({ proofs: [], candidates: [] })
	})
})

describe('namesOfRivals', () => {
	it.each([
		// Directly where its folder says, nobody else has the name.
		['in its own place', '1/20210528', '1/', []],
		['in its own place, with an ending', '1/20210528.tar', '1/', ['20210528.tar']],
		['in another folder', '2/20210528', '1/', ['20210528']],
		['in a folder below', '1/2/20210528', '1/', ['20210528']],
		['without a folder of its own', '20210528_1', undefined, ['20210528', '20210528_1']],
		[
			'with several endings',
			'20210528-1.tar.gz',
			undefined,
			['20210528', '20210528-1', '20210528-1.tar', '20210528-1.tar.gz'],
		],
	] as const)('an object %s', (_name, key, folderPath, names) => {
		expect(namesOfRivals(key, request(folderPath)).sort()).toEqual([...names].sort())
	})

	it('are never shorter than the name itself', () => {
		const dotted = { ...request(), fileName: 'db.20210528' }
		expect(namesOfRivals('db.20210528.tar', dotted).sort()).toEqual(['db.20210528', 'db.20210528.tar'])
	})
})

describe('isRival', () => {
	const namesake = (changes: Partial<Namesake> = {}): Namesake => ({
		instance: 'vpostgresql/KR/2',
		folderPath: undefined,
		fileName: '20210528',
		askedBy: 'another',
		isAskedBySeveral: false,
		...changes,
	})

	it('is false of the request itself', () => {
		const own = namesake({ instance: 'vpostgresql/KR/1', folderPath: '1/' })
		expect(isRival(own, '1/20210528', request('1/'))).toBe(false)
	})

	it('is true of another instance without a folder, unless the object is in the request’s folder', () => {
		expect(isRival(namesake(), '20210528', request())).toBe(true)
		expect(isRival(namesake(), '20210528', request('1/'))).toBe(true)
		expect(isRival(namesake(), '1/20210528', request('1/'))).toBe(false)
	})

	it('is true of whoever asked for the folder in which the object is', () => {
		expect(isRival(namesake({ folderPath: 'a/' }), 'a/20210528', request())).toBe(true)
		expect(isRival(namesake({ folderPath: 'a/' }), 'b/20210528', request('b/'))).toBe(false)
	})

	it('is false of another instance when the key has the request’s number, but true of the instance’s other exports', () => {
		expect(isRival(namesake(), 'backups/1/20210528', request())).toBe(false)
		const other = namesake({ instance: 'vpostgresql/KR/1', fileName: '20210528-1' })
		expect(isRival(other, 'backups/1/20210528-1', request())).toBe(true)
	})
})
