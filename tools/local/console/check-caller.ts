import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Why a call is not answered. */
export interface Refusal {
	status: number
	text: string
}

/** The address that was printed: `origin` is where the page lives, such as `http://127.0.0.1:4000`. */
export interface Address {
	origin: string
	token: string
}

const REFUSED: Refusal = {
	status: 403,
	text: 'This console belongs to the person who ran "npm start": open the URL that it printed after "Console".\n',
}

/**
 * Null when the call comes from the page itself. No other page of the browser knows the token; a page whose name was made to
 * point to 127.0.0.1 has another `Host`, and a page that found the token out still has another `Origin`.
 */
export function checkCaller(
	{ method, url, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
	{ origin, token }: Address,
): Refusal | null {
	const given = URL.parse(url ?? '/', origin)?.searchParams.get('token') ?? ''
	if (!isSame(given, token)) return REFUSED
	if (headers.host !== new URL(origin).host) return REFUSED
	if (headers.origin !== undefined && headers.origin !== origin) return REFUSED
	const site = headers['sec-fetch-site'] ?? 'same-origin'
	if (site !== 'same-origin' && site !== 'none') return REFUSED
	if (method === 'GET') return null
	if (method !== 'POST') return { status: 405, text: 'Only GET and POST are answered.\n' }
	if (headers.origin === undefined) return REFUSED
	if (headers['content-type'] !== 'application/json')
		return { status: 415, text: 'The body must be JSON, with the content type application/json.\n' }
	return null
}

/** In constant time, whatever the lengths. */
function isSame(a: string, b: string): boolean {
	const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
	return timingSafeEqual(hash(a), hash(b))
}
