import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const PAGES = [
	'README.md',
	'CONTRIBUTING.md',
	...readdirSync(join(ROOT, 'docs'))
		.filter((name) => name.endsWith('.md'))
		.map((name) => `docs/${name}`),
]
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** What runs each script: a file, and the text in it that does. */
const RUN_BY: Readonly<Record<string, readonly [file: string, text: string]>> = {
	test: ['.ci/run', 'step bash -c "$test_command"'],
	'test:load': ['.ci/run', 'npm run test:load'],
	'test:runtime': ['.ci/run', 'npm run test:runtime'],
	explore: ['.ci/run', 'npm run explore'],
	simulate: ['.ci/run', 'npm run simulate'],
	rehearse: ['.ci/run', 'npm run rehearse'],
	demo: ['.ci/run', 'npm run demo'],
	package: ['.ci/run', 'npm run package'],
	docs: ['test/integration/docs.test.ts', 'DOCUMENTS'],
	start: ['test/integration/start.test.ts', 'start.ts'],
	ops: ['test/integration/ops.test.ts', 'tools/ops/main.ts'],
	smoke: ['test/integration/smoke.test.ts', 'smoke'],
	rollback: ['test/integration/rollback.test.ts', 'rollback'],
	screenshot: ['test/load/console.test.ts', 'screenshot'],
	rooms: ['test/rooms.test.ts', 'rooms'],
	// Its parts are steps of CI.
	check: ['.ci/run', 'npm run lint'],
}

/** Measured by hand: too long, or too sensitive to other load, for CI. Their pages have the date and the figures. */
const BY_HAND: ReadonlySet<string> = new Set(['bench', 'mutate'])
const NEEDS_ACCOUNT: ReadonlySet<string> = new Set(['deploy', 'rollback'])

/** Every `npm` script that a page names, in a block or in a sentence. */
function scriptsOf(page: string): string[] {
	const named = [...read(page).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)]
	return named.map(([, script, short]) => script ?? short ?? '')
}

describe.each(PAGES)('%s', (page) => {
	it('names only scripts that exist, and that a test or CI runs', () => {
		const unknown = scriptsOf(page).filter((script) => scripts[script] === undefined)
		expect(unknown).toEqual([])
		const never = scriptsOf(page).filter(
			(script) => RUN_BY[script] === undefined && !BY_HAND.has(script) && !NEEDS_ACCOUNT.has(script),
		)
		expect(never).toEqual([])
	})

	it('names only commands of ops that exist', () => {
		const known = readdirSync(join(ROOT, 'tools/ops/commands')).map((name) => name.replace('.ts', ''))
		const named = [...read(page).matchAll(/npm run ops -- ([a-z-]+)/g)].map(([, command]) => command ?? '')
		expect(named.filter((command) => !known.includes(command))).toEqual([])
	})

	it('says so when a command needs an account', () => {
		const needs = /^ {4}(aws |npm run (deploy|rollback))/m.test(read(page))
		if (needs) expect(read(page)).toMatch(/AWS (account|credentials)/)
	})
})

it.each(Object.entries(RUN_BY))('npm run %s is run by what is named here', (_script, [file, text]) => {
	expect(read(file)).toContain(text)
})
