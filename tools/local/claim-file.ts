import { createHash, randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isAlive } from '../ops/connection.ts'
import { OpsError } from '../ops/ops-error.ts'

/** A file that belongs to this process. */
export interface FileClaim {
	/** Replaces the content in one step. */
	write: (content: object) => Promise<void>
	/** Deletes the file, unless it is another's by now. */
	release: () => Promise<void>
}

/** The file belongs to a running process. */
export class FileTaken extends Error {
	readonly pid: number

	constructor(path: string, pid: number) {
		super(`${path} belongs to process ${pid}`)
		this.pid = pid
	}
}

/**
 * Makes a file that only one process can have at a time. A file that a killed process left behind is taken over, by one
 * of those that try. Throws `FileTaken`, or `OpsError` when the path cannot be written or holds something else.
 */
export async function claimFile(path: string): Promise<FileClaim> {
	const claim = randomUUID()
	const draft = `${path}.${claim}`
	const prepare = (content: object): Promise<void> =>
		writeFile(draft, JSON.stringify({ ...content, pid: process.pid, claim }), { mode: 0o600 })
	await prepare({}).catch((error: NodeJS.ErrnoException) => {
		throw new OpsError(`${path} cannot be written (${error.code})`)
	})
	try {
		while (!(await take(draft, path)));
	} finally {
		await rm(draft, { force: true })
	}
	return {
		write: async (content) => {
			await prepare(content)
			await rename(draft, path)
		},
		release: async () => {
			if ((await readText(path))?.includes(claim)) await rm(path, { force: true })
		},
	}
}

/** Resolves with false when the file has changed meanwhile, so that it must be tried again. */
async function take(draft: string, path: string): Promise<boolean> {
	if (await linkNew(draft, path)) return true
	const left = await readText(path)
	if (left === null) return false
	const pid = pidOf(left, path)
	if (pid !== null && isAlive(pid)) throw new FileTaken(path, pid)
	// Its owner is dead, and only one of those that see this may replace it. The lock may have been left behind, too.
	const lock = await claimFile(`${path}.${hash(left)}`)
	try {
		if ((await readText(path)) !== left) return false
		await rename(draft, path)
		return true
	} finally {
		await lock.release()
	}
}

/** False when the path exists. A link, so that nobody sees the file before it has its content. */
async function linkNew(draft: string, path: string): Promise<boolean> {
	try {
		await link(draft, path)
		return true
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
		throw error
	}
}

async function readText(path: string): Promise<string | null> {
	try {
		return await readFile(path, 'utf8')
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
		throw new OpsError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
	}
}

/** Null for an empty file, which is nobody's. */
function pidOf(text: string, path: string): number | null {
	if (text.trim() === '') return null
	try {
		const { pid } = JSON.parse(text) as { pid?: unknown }
		// 0 and negative numbers would name groups of processes.
		if (Number.isSafeInteger(pid) && Number(pid) > 0) return Number(pid)
	} catch {
		// Not JSON, so not ours either.
	}
	throw new OpsError(
		`${path} is not a file of "npm start", so it is not replaced: name another, or delete it`,
	)
}

function hash(text: string): string {
	return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
