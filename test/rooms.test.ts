import { execFile } from 'node:child_process'
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ROOMS, toBiomeConfig } from '../tools/rooms.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BIOME = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
const rooms = Object.entries(ROOMS).filter(([name]) => name !== 'test')

async function list(patterns: readonly string[]): Promise<string[]> {
	const found: string[] = []
	for (const pattern of patterns)
		for await (const path of glob(pattern, { cwd: ROOT, exclude: ['**/node_modules'] }))
			if (/\.(ts|cjs)$/.test(path)) found.push(path)
	return found
}

it('matches the rules in biome.json', async () => {
	const config = await readFile(join(ROOT, 'biome.json'), 'utf8')
	expect(JSON.parse(config)).toEqual(JSON.parse(await toBiomeConfig()))
})

it('puts every file into exactly one room', async () => {
	const files = await list(['lib/**', 'functions/**', 'tools/**'])
	expect(files.length).toBeGreaterThan(100)
	for (const path of files) {
		const owners = rooms.filter(([, { files }]) => files.some((pattern) => matchesGlob(path, pattern)))
		expect([path, owners.length]).toEqual([path, 1])
	}
})

/** The syntactic forms of an import. */
const FORMS = [
	(path: string) => `import type { A } from '${path}'`,
	(path: string) => `import { a } from '${path}'`,
	(path: string) => `export const b = import('${path}')`,
	(path: string) => `export { c } from '${path}'`,
]

interface Probe {
	from: string
	to: string
	line: number
}

/** Writes, in each room, a file that imports one file of every other room in every form. */
async function writeProbes(folder: string): Promise<Map<string, Probe[]>> {
	const targets = await Promise.all(
		Object.entries(ROOMS).map(async ([to, { files }]) => ({ to, path: (await list(files)).sort()[0] ?? '' })),
	)
	const probes = new Map<string, Probe[]>()
	for (const [from, { files }] of rooms) {
		const path = (files[0] ?? '').replace('**', 'probe.ts').replace('*.ts', 'probe.ts')
		const imports = targets.flatMap(({ to, path: target }) => {
			const specifier = relative(dirname(path), target)
			const text = specifier.startsWith('.') ? specifier : `./${specifier}`
			return FORMS.map((form) => ({ to, text: form(text) }))
		})
		await mkdir(join(folder, dirname(path)), { recursive: true })
		await writeFile(join(folder, path), imports.map(({ text }) => text).join('\n'))
		probes.set(
			path,
			imports.map(({ to }, index) => ({ from, to, line: index + 1 })),
		)
	}
	return probes
}

interface Report {
	diagnostics: { category: string; location: { path: string; start: { line: number } } }[]
}

it('rejects every forbidden import, in every room and in every form, and no permitted one', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'rooms-'))
	const config = JSON.parse(await toBiomeConfig())
	await writeFile(
		join(folder, 'biome.json'),
		JSON.stringify({ ...config, $schema: undefined, vcs: undefined }),
	)
	const probes = await writeProbes(folder)
	const args = [
		BIOME,
		'lint',
		'--reporter=json',
		'--max-diagnostics=none',
		'--only=style/noRestrictedImports',
	]
	const { stdout } = await promisify(execFile)(process.execPath, [...args, folder], {
		cwd: folder,
		maxBuffer: 64 * 1024 * 1024,
	}).catch((error) => error as { stdout: string })
	await rm(folder, { recursive: true })

	const { diagnostics } = JSON.parse(stdout) as Report
	for (const [path, lines] of probes) {
		const refused = new Set(
			diagnostics
				.filter(({ location }) => location.path.endsWith(path))
				.map(({ location }) => location.start.line),
		)
		for (const { from, to, line } of lines) {
			const isOpen = from === to || ROOMS[from]?.mayImport.includes(to)
			expect([path, to, line, refused.has(line)]).toEqual([path, to, line, !isOpen])
		}
	}
}, 60_000)
