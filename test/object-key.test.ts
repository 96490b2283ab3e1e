import { expect, it } from 'vitest'
import { folderOf, lastSegment } from '../lib/object-key.ts'

it.each([
	['20210528', '', '20210528'],
	['nightly/20210528', 'nightly/', '20210528'],
	['a/b/20210528.tar.gz', 'a/b/', '20210528.tar.gz'],
	['/20210528', '/', '20210528'],
	['a//b', 'a//', 'b'],
	['a/b/', 'a/b/', 'b'],
	['a/b//', 'a/b//', 'b'],
	['', '', ''],
	['/', '/', ''],
])('splits %j into the folder %j and the name %j', (key, folder, name) => {
	expect([folderOf(key), lastSegment(key)]).toEqual([folder, name])
})

it('reads a key of a million slashes at once', () => {
	const startedMs = performance.now()
	expect(lastSegment('/'.repeat(1_000_000))).toBe('')
	expect(performance.now() - startedMs).toBeLessThan(5_000)
})
