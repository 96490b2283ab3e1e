import { readFile, writeFile } from 'node:fs/promises'

/**
 * The rooms of the house, and the rooms that each may import from: its own, and those named here. Imports go one way, from
 * the functions down to the ground. `npm run rooms` writes the lint rules in biome.json from this list.
 */
interface Room {
	/** Folders and files, as globs from the root. */
	files: readonly string[]
	/** How an import of this room looks, wherever it stands. */
	imported: readonly string[]
	mayImport: readonly string[]
}

const GROUND = ['ground', 'formats', 'http-client']
const WORDS = [...GROUND, 'reply', 'request', 'outcome', 'ledger']
const PORTS = [...WORDS, 'ports']
const ADAPTERS = ['ncp', 'aws', 'object-storage', 'webhook', 'observe']
const USE_CASES = ['export', 'arrival', 'coverage', 'queue']
const LIBRARY = [...PORTS, ...ADAPTERS, ...USE_CASES, 'wiring']

const folder = (name: string, mayImport: readonly string[]): Room => ({
	files: [`lib/${name}/**`],
	imported: [`**/${name}/**`],
	mayImport,
})

const files = (names: readonly string[], mayImport: readonly string[]): Room => ({
	files: names.map((name) => `lib/${name}.ts`),
	imported: names.flatMap((name) => [`./${name}.ts`, `../${name}.ts`, `**/lib/${name}.ts`]),
	mayImport,
})

const tool = (name: string, mayImport: readonly string[]): Room => ({
	files: [`tools/${name}/**`],
	imported: [`**/${name}/**`],
	mayImport,
})

export const ROOMS: Readonly<Record<string, Room>> = {
	ground: files(['errors', 'aws-error', 'products', 'deadline', 'url', 'object-key', 'step-times'], GROUND),
	formats: folder('formats', GROUND),
	'http-client': folder('http-client', GROUND),
	reply: files(['reply'], GROUND),
	request: folder('request', GROUND),
	outcome: folder('outcome', [...GROUND, 'reply', 'request']),
	ledger: folder('ledger', [...GROUND, 'reply', 'request', 'outcome']),
	ports: files(['ports'], WORDS),
	ncp: folder('ncp', PORTS),
	aws: folder('aws', PORTS),
	'object-storage': folder('object-storage', PORTS),
	webhook: folder('webhook', PORTS),
	observe: folder('observe', PORTS),
	arrival: folder('arrival', PORTS),
	export: folder('export', [...PORTS, 'arrival']),
	coverage: folder('coverage', [...PORTS, 'export', 'arrival']),
	queue: folder('queue', [...PORTS, 'export']),
	wiring: folder('wiring', [...PORTS, ...ADAPTERS]),
	functions: { files: ['functions/**'], imported: ['**/functions/**'], mayImport: LIBRARY },
	terminal: tool('terminal', LIBRARY),
	policies: {
		files: ['tools/coverage/**'],
		imported: ['**/coverage/read-policies.ts'],
		mayImport: LIBRARY,
	},
	template: tool('template', [...LIBRARY, 'policies']),
	ops: tool('ops', [...LIBRARY, 'terminal', 'policies', 'template']),
	local: tool('local', [...LIBRARY, 'terminal', 'policies', 'ops', 'tools']),
	rehearsal: tool('rehearsal', [...LIBRARY, 'terminal', 'policies', 'template', 'ops', 'local', 'tools']),
	tools: {
		files: ['tools/*.ts'],
		imported: ['**/tools/*.ts', '../build.ts', '../docs.ts', '../rooms.ts'],
		mayImport: [...LIBRARY, 'functions', 'terminal', 'template', 'policies', 'ops', 'local', 'rehearsal'],
	},
	test: { files: ['test/**'], imported: ['**/test/**'], mayImport: [] },
}

/** The lint rule of each room: what it may not import. Tests may import everything. */
export const importRules = Object.entries(ROOMS)
	.filter(([name]) => name !== 'test')
	.map(([name, { files: includes, mayImport }]) => ({
		includes,
		linter: { rules: { style: { noRestrictedImports: toRule(name, mayImport) } } },
	}))

function toRule(name: string, mayImport: readonly string[]): object {
	const isOpen = (other: string): boolean => other === name || mayImport.includes(other)
	const closed = Object.entries(ROOMS).filter(([other]) => !isOpen(other))
	return {
		level: 'error',
		options: {
			patterns: closed.map(([other, { imported }]) => ({
				group: imported,
				message: `${name} may not import from ${other}: see tools/rooms.ts.`,
			})),
		},
	}
}

/** Marks where the generated overrides of biome.json begin: they stand behind all others. */
const isGenerated = (override: object): boolean => JSON.stringify(override).includes('see tools/rooms.ts')

/** biome.json with the rules of today. */
export async function toBiomeConfig(): Promise<string> {
	const config = JSON.parse(await readFile(FILE, 'utf8')) as { overrides: object[] }
	const kept = config.overrides.filter((override) => !isGenerated(override))
	return `${JSON.stringify({ ...config, overrides: [...kept, ...importRules] }, null, '\t')}\n`
}

const FILE = new URL('../biome.json', import.meta.url)

if (import.meta.main) await writeFile(FILE, await toBiomeConfig())
