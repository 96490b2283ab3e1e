import { expect, it } from 'vitest'
import { type Asked, adviseOnBucket } from '../../tools/ops/bucket-use.ts'

const asked = (number: string, fileName: string, folderPath?: string): Asked => ({
	instance: `vpostgresql/KR/${number}`,
	folderPath,
	fileName,
})

const objects = (...keys: string[]) => keys.map((key) => ({ key, size: 1, etag: 'e', lastModified: '' }))

it('has nothing to say of a bucket that nobody asked for', () => {
	expect(adviseOnBucket([], objects('a'))).toEqual({
		result: 'ok',
		words: 'no export into it in the last 60 days',
	})
})

it('warns of instances that share the bucket without folders, and says the way out', () => {
	const { result, words } = adviseOnBucket([asked('1', 'a'), asked('2', 'b'), asked('3', 'c', '3/')], [])
	expect(result).toBe('warning')
	expect(words).toMatch(/^2 instances export into it without a folder \(1, 2\).*folderPath=\{instanceNo\}\//)
	const many = adviseOnBucket(
		Array.from({ length: 20 }, (_, n) => asked(`${n}`, 'a')),
		[],
	)
	expect(many.words).toMatch(/^20 instances export into it without a folder \(0, 1, 10 …\)/)
})

it.each([
	[['20210528', '20210529.gz'], '{fileName} fits them'],
	[['backups/20210528', 'backups/20210529'], 'backups/{fileName} fits them'],
	[['exports/1001/20210528', 'exports/1001/20210529'], 'exports/{instanceNo}/{fileName} fits them'],
	[['a/20210528', 'b/20210529', 'b/20210530'], 'b/{fileName} fits 2 of them'],
])('finds the prefix for what lies at %j: %s', (keys, fits) => {
	const files = ['20210528', '20210529', '20210530', '20210531'].map((file) => asked('1001', file))
	expect(adviseOnBucket(files, objects(...keys, 'other'))).toEqual({
		result: 'ok',
		words: `${keys.length} of 4 file names requested without a folder were found; ARRIVAL_KEY_PREFIX ${fits}`,
	})
})

it('says when none of the files is there', () => {
	expect(adviseOnBucket([asked('1', 'a')], objects('b', 'aa'))).toEqual({
		result: 'ok',
		words: '0 of 1 file names requested without a folder were found',
	})
})

it('says whether NCP puts files into the folders that were asked for', () => {
	const files = [asked('1', 'a', '1/'), asked('2', 'a', '2/')]
	expect(adviseOnBucket(files, objects('1/a', '2/a.gz'))).toEqual({
		result: 'ok',
		words: '2 of 2 files requested with a folder are in that folder',
	})
	const ignored = adviseOnBucket(files, objects('a'))
	expect(ignored).toMatchObject({ result: 'warning', words: expect.stringContaining('ignore folderPath') })
	expect(adviseOnBucket(files, []).result).toBe('ok')
})

it('counts no empty object', () => {
	const empty = [{ key: 'a', size: 0, etag: 'e', lastModified: '' }]
	expect(adviseOnBucket([asked('1', 'a')], empty).words).toContain('0 of 1')
})
