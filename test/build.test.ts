import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FUNCTION_NAMES } from '../lib/wiring/config.ts'
import { buildFunctions } from '../tools/build.ts'

let folder: string
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'build-'))
	await buildFunctions(folder)
})
afterAll(() => rm(folder, { recursive: true }))

const bundle = () => join(folder, 'on-queue-message.cjs')
const names = FUNCTION_NAMES.map((name) => `${name}.cjs`).sort()

it('builds a bundle for each function, and tells its size', async () => {
	const sizes = await buildFunctions(folder)
	expect(Object.keys(sizes).sort()).toEqual(names)
	expect((await stat(bundle())).size).toBe(sizes['on-queue-message.cjs'])
})

it('leaves a bundle alone that has not changed', async () => {
	const before = await stat(bundle(), { bigint: true })
	await buildFunctions(folder)
	expect(await stat(bundle(), { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs })
})

it('replaces a bundle in one step, so that nobody reads half of it', async () => {
	const built = await readFile(bundle(), 'utf8')
	await writeFile(bundle(), 'of an earlier build')
	await using reader = await open(bundle())
	await buildFunctions(folder)
	expect(await readFile(bundle(), 'utf8')).toBe(built)
	// A reader of the old file has all of it.
	expect(await reader.readFile('utf8')).toBe('of an earlier build')
	expect((await readdir(folder)).sort()).toEqual(names)
})
