import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimFile, FileTaken } from '../../tools/local/claim-file.ts'

let folder: string
let file: string
let files = 0
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'claim-'))
})
beforeEach(() => {
	file = join(folder, `${files++}.json`)
})
afterAll(() => rm(folder, { recursive: true }))

const read = async () => JSON.parse(await readFile(file, 'utf8'))

/** The names of the file and of all that was made beside it. */
const traces = async () => (await readdir(folder)).filter((name) => join(folder, name).startsWith(file))

/** A process that has ended. */
const DEAD = spawnSync(process.execPath, ['-e', '']).pid

const MODULE = new URL('../../tools/local/claim-file.ts', import.meta.url).href

/** Claims the file in a process of its own. It prints how that ended, and then lives until it is killed. */
function claimElsewhere() {
	const script = `
		const { claimFile } = await import(${JSON.stringify(MODULE)})
		await claimFile(${JSON.stringify(file)}).then(() => console.log('claimed'), (error) => console.log(error.pid))
		process.stdin.resume()`
	const child = spawn(process.execPath, ['--input-type=module', '-e', script])
	return {
		pid: child.pid,
		answer: once(child.stdout, 'data').then(([data]) => String(data).trim()),
		kill: async () => {
			child.kill('SIGKILL')
			await once(child, 'exit')
		},
	}
}

describe('claimFile', () => {
	it('makes a file that names its process, that other users cannot read, and that is gone afterwards', async () => {
		const claim = await claimFile(file)
		expect(await read()).toMatchObject({ pid: process.pid })
		await claim.write({ endpoint: 'http://127.0.0.1:1' })
		expect(await read()).toMatchObject({ pid: process.pid, endpoint: 'http://127.0.0.1:1' })
		expect((await stat(file)).mode & 0o777).toBe(0o600)
		expect(await traces()).toHaveLength(1)
		await claim.release()
		expect(await traces()).toEqual([])
	})

	it('refuses a file of a running process, and leaves it alone', async () => {
		const other = claimElsewhere()
		expect(await other.answer).toBe('claimed')
		const before = await readFile(file, 'utf8')
		await expect(claimFile(file)).rejects.toMatchObject({ constructor: FileTaken, pid: other.pid })
		expect(await readFile(file, 'utf8')).toBe(before)
		expect(await traces()).toHaveLength(1)
		await other.kill()
	})

	it('takes over the file of a process that was killed', async () => {
		const other = claimElsewhere()
		expect(await other.answer).toBe('claimed')
		await other.kill()
		expect(await read()).toMatchObject({ pid: other.pid })
		await claimFile(file)
		expect(await read()).toMatchObject({ pid: process.pid })
		expect(await traces()).toHaveLength(1)
	})

	it.each([
		['there is none', null],
		['it was left behind', JSON.stringify({ pid: DEAD })],
		['it is empty', ''],
	])('gives the file to one of many when %s', async (_name, left) => {
		for (let round = 0; round < 30; round++) {
			if (left === null) await rm(file, { force: true })
			else await writeFile(file, left)
			const claims = await Promise.allSettled(Array.from({ length: 12 }, () => claimFile(file)))
			const won = claims.filter(({ status }) => status === 'fulfilled')
			expect(won).toHaveLength(1)
			for (const claim of claims)
				if (claim.status === 'rejected') expect(claim.reason).toBeInstanceOf(FileTaken)
			expect(await traces()).toHaveLength(1)
		}
	})

	it('gives a file that was left behind to one of several processes', async () => {
		await writeFile(file, JSON.stringify({ pid: DEAD }))
		const others = Array.from({ length: 5 }, claimElsewhere)
		const answers = await Promise.all(others.map(({ answer }) => answer))
		const winner = others[answers.indexOf('claimed')]
		expect(answers.filter((answer) => answer === 'claimed')).toHaveLength(1)
		expect(await read()).toMatchObject({ pid: winner?.pid })
		await Promise.all(others.map(({ kill }) => kill()))
	})

	it('takes over a file whose last taker was killed in the middle', async () => {
		await writeFile(file, JSON.stringify({ pid: DEAD }))
		// The lock is named after the file's content.
		const content = createHash('sha256')
			.update(await readFile(file, 'utf8'))
			.digest('hex')
		await writeFile(`${file}.${content.slice(0, 16)}`, JSON.stringify({ pid: DEAD }))
		await claimFile(file)
		expect(await read()).toMatchObject({ pid: process.pid })
		expect(await traces()).toHaveLength(1)
	})

	it('does not release a file that has become another’s', async () => {
		const claim = await claimFile(file)
		await writeFile(file, JSON.stringify({ pid: DEAD }))
		await claim.release()
		expect(await read()).toEqual({ pid: DEAD })
	})

	it.each(['some notes', '{"name":"x"}', '{"pid":-1}', '[]', 'null'])(
		'does not replace a file that is not its own kind: %s',
		async (content) => {
			await writeFile(file, content)
			await expect(claimFile(file)).rejects.toThrow('is not replaced')
			expect(await readFile(file, 'utf8')).toBe(content)
			expect(await traces()).toHaveLength(1)
		},
	)

	it('says that a path cannot be written', async () => {
		await expect(claimFile(join(folder, 'none', 'cloud.json'))).rejects.toThrow('cannot be written (ENOENT)')
	})
})
