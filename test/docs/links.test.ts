import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = [
	...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
	...readdirSync(join(ROOT, 'docs'))
		.filter((name) => name.endsWith('.md'))
		.map((name) => `docs/${name}`),
]

const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** Without blocks of code, in which brackets are no links. */
const proseOf = (page: string): string => textOf(page).replace(/^```.*?^```/gms, '')

/** The targets of all links and pictures, but for those to other sites. */
function linksOf(page: string): string[] {
	const targets = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
	return targets.filter((target) => !/^[a-z]+:/.test(target))
}

/** As GitHub makes them: lower case, without punctuation, spaces as hyphens. */
function anchorsOf(page: string): Set<string> {
	const headings = [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '')
	return new Set(
		headings.map((heading) =>
			heading
				.toLowerCase()
				.replace(/[^\p{L}\p{N}\s_-]/gu, '')
				.replace(/\s/g, '-'),
		),
	)
}

function isBroken(page: string, link: string): boolean {
	const [path = '', anchor] = link.split('#')
	const target = path === '' ? page : join(dirname(page), path)
	if (!existsSync(join(ROOT, target))) return true
	return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor)
}

describe.each(PAGES)('%s', (page) => {
	it('has no broken link', () => {
		expect(linksOf(page).filter((link) => isBroken(page, link))).toEqual([])
	})

	it('names no file that is not there', () => {
		const named = [...proseOf(page).matchAll(/`((?:lib|test|tools|functions|docs)\/[\w./-]+\.\w+)`/g)]
		expect(named.map(([, path]) => path ?? '').filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
	})
})

it('finds a broken link, a missing anchor and a missing page', () => {
	expect(isBroken('README.md', 'docs/README.md')).toBe(false)
	expect(isBroken('README.md', 'docs/deploy.md#after-it')).toBe(false)
	expect(isBroken('README.md', 'docs/deploy.md#before-it')).toBe(true)
	expect(isBroken('README.md', 'docs/nothing.md')).toBe(true)
	expect(isBroken('docs/deploy.md', '#deploy')).toBe(false)
})

it('links every document from the index', () => {
	const linked = new Set(linksOf('docs/README.md').map((link) => join('docs', link.split('#')[0] ?? '')))
	const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
	expect(pages.filter((page) => !linked.has(page))).toEqual([])
})
