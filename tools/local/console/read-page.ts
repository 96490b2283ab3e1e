import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The page as it is served: one document with its script and its style, which are all that it may load. */
export interface Page {
	html: string
	contentSecurityPolicy: string
}

const FOLDER = new URL('page/', import.meta.url)

/** Puts the page together from page.html, page.css and the bundled script. */
export async function readPage(): Promise<Page> {
	// Loaded when the page is opened for the first time.
	const { build } = await import('esbuild')
	const [frame, css, { outputFiles }] = await Promise.all([
		readFile(new URL('page.html', FOLDER), 'utf8'),
		readFile(new URL('page.css', FOLDER), 'utf8'),
		build({
			entryPoints: [fileURLToPath(new URL('show-page.ts', FOLDER))],
			bundle: true,
			write: false,
			format: 'iife',
			target: 'es2023',
			legalComments: 'none',
			logLevel: 'silent',
		}),
	])
	const script = outputFiles[0]?.text ?? ''
	const html = frame.replace('/* style */', () => css).replace('/* script */', () => script)
	const contentSecurityPolicy = [
		"default-src 'none'",
		`script-src '${toSource(script)}'`,
		`style-src '${toSource(css)}'`,
		"connect-src 'self'",
		'img-src data:',
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
	].join('; ')
	return { html, contentSecurityPolicy }
}

function toSource(text: string): string {
	return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
