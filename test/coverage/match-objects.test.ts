import { describe, expect, it } from 'vitest'
import { matchObjects } from '../../lib/coverage/match-objects.ts'
import { anObject, backup, END_MS } from './samples.ts'

const match = (names: readonly string[], objects: ReturnType<typeof anObject>[]) => {
	const { copies, unknownObjects } = matchObjects(
		names.map((name) => backup(name)),
		objects,
		'1/',
	)
	const keys = [...copies].map(([name, found]) => [name, found.map(({ key }) => key)])
	return { copies: Object.fromEntries(keys), unknownObjects }
}

describe('matchObjects', () => {
	it.each(['1/20210528', '1/20210528.tar.gz', '1/20210528-1', '1/20210528_x', '1/sub/20210528'])(
		'takes %s for the copy',
		(key) => {
			expect(match(['20210528'], [anObject(key)])).toEqual({
				copies: { '20210528': [key] },
				unknownObjects: 0,
			})
		},
	)

	it.each(['1/202105281', '1/pg-20210528', '1/20210528/data', '1/2021052'])('counts %s as unknown', (key) => {
		expect(match(['20210528'], [anObject(key)])).toEqual({ copies: {}, unknownObjects: 1 })
	})

	it('counts no folder that a console made', () => {
		const objects = [
			anObject('1/', { size: 0 }),
			anObject('1/old/', { size: 0 }),
			anObject('1/x', { size: 0 }),
		]
		expect(match(['20210528'], objects)).toEqual({ copies: {}, unknownObjects: 1 })
	})

	it('gives an object to the longest name that fits', () => {
		const objects = [anObject('1/20210528-1.tar'), anObject('1/20210528.tar')]
		expect(match(['20210528', '20210528-1'], objects).copies).toEqual({
			'20210528': ['1/20210528.tar'],
			'20210528-1': ['1/20210528-1.tar'],
		})
	})

	it('puts the very name first, then the newest', () => {
		const objects = [
			anObject('1/20210528.b', { atMs: END_MS + 1_000 }),
			anObject('1/20210528.a', { atMs: END_MS + 2_000 }),
			anObject('1/20210528'),
		]
		expect(match(['20210528'], objects).copies['20210528']).toEqual([
			'1/20210528',
			'1/20210528.a',
			'1/20210528.b',
		])
	})

	it('takes no empty object, and none that is older than the end of the backup, for a copy', () => {
		const MINUTE_MS = 60_000
		const objects = [
			anObject('1/a', { size: 0 }),
			anObject('1/b', { atMs: END_MS - 5 * MINUTE_MS - 1 }),
			anObject('1/c', { atMs: END_MS - 5 * MINUTE_MS }),
		]
		expect(match(['a', 'b', 'c'], objects)).toEqual({ copies: { c: ['1/c'] }, unknownObjects: 0 })
	})

	it('finds no copy of a backup that still runs', () => {
		const { copies } = matchObjects([{ ...backup('a'), endedAtMs: null }], [anObject('1/a')], '1/')
		expect(copies.size).toBe(0)
	})

	it('tells names apart that differ only in the folders before them, and guesses nothing', () => {
		const objects = [anObject('1/x/a'), anObject('1/z/a')]
		expect(match(['x/a', 'y/a'], objects)).toEqual({ copies: { 'x/a': ['1/x/a'] }, unknownObjects: 1 })
	})
})
