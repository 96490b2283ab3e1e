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
	[['a/20210528'], 'a/{fileName} fits it'],
])('finds the prefix for what lies at %j: %s', (keys, fits) => {
	const files = ['20210528', '20210529', '20210530', '20210531'].map((file) => asked('1001', file))
	expect(adviseOnBucket(files, objects(...keys, 'other'))).toEqual({
		result: 'ok',
		words: `found ${keys.length} of 4 file names requested without a folder; ARRIVAL_KEY_PREFIX ${fits}`,
	})
})

it('says when none of the files is there', () => {
	expect(adviseOnBucket([asked('1', 'a')], objects('b', 'aa'))).toEqual({
		result: 'ok',
		words: 'found 0 of 1 file name requested without a folder',
	})
})

it('says whether NCP puts files into the folders that were asked for', () => {
	const files = [asked('1', 'a', '1/'), asked('2', 'a', '2/')]
	expect(adviseOnBucket(files, objects('1/a', '2/a.gz'))).toEqual({
		result: 'ok',
		words: 'in the requested folder: 2 of 2 files',
	})
	const ignored = adviseOnBucket(files.slice(0, 1), objects('a'))
	expect(ignored.result).toBe('warning')
	expect(ignored.words).toMatch(/^in the requested folder: 0 of 1 file, elsewhere: 1\. NCP seems to ignore/)
	expect(adviseOnBucket(files, []).result).toBe('ok')
})

it('counts no empty object', () => {
	const empty = [{ key: 'a', size: 0, etag: 'e', lastModified: '' }]
	expect(adviseOnBucket([asked('1', 'a')], empty).words).toContain('0 of 1')
})
