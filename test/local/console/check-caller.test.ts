import { describe, expect, it } from 'vitest'
import { checkCaller } from '../../../tools/local/console/check-caller.ts'

const ADDRESS = { origin: 'http://127.0.0.1:4000', token: 'right' }
const HOST = { host: '127.0.0.1:4000' }
const FROM_PAGE = { ...HOST, origin: ADDRESS.origin, 'content-type': 'application/json' }

const get = (url: string, headers: Record<string, string> = HOST) =>
	checkCaller({ method: 'GET', url, headers }, ADDRESS)
const post = (headers: Record<string, string>, url = '/send?token=right') =>
	checkCaller({ method: 'POST', url, headers }, ADDRESS)

it('lets the page itself in', () => {
	expect(get('/?token=right')).toBeNull()
	expect(get('/exports?state=&token=right', { ...HOST, 'sec-fetch-site': 'same-origin' })).toBeNull()
	expect(get('/?token=right', { ...HOST, 'sec-fetch-site': 'none' })).toBeNull()
	expect(post(FROM_PAGE)).toBeNull()
})

describe('answers 403 and says which URL to open', () => {
	it.each([
		['no token', get('/')],
		['a wrong token', get('/?token=wrong')],
		['a longer token', get('/?token=rightright')],
		['an address that cannot be read', get('//')],
		['an empty token', get('/?token=')],
		['a wrong token in a call', post(FROM_PAGE, '/send?token=wrong')],
		['another host name that points to this machine', get('/?token=right', { host: 'evil.example:4000' })],
		['no host name', get('/?token=right', {})],
		['a page of another origin', get('/?token=right', { ...HOST, origin: 'https://evil.example' })],
		['a page of another port', post({ ...FROM_PAGE, origin: 'http://127.0.0.1:4001' })],
		['a sandboxed page', post({ ...FROM_PAGE, origin: 'null' })],
		['a link from another site', get('/?token=right', { ...HOST, 'sec-fetch-site': 'cross-site' })],
		['a call that does not say where it comes from', post({ ...HOST, 'content-type': 'application/json' })],
	])('to %s', (_name, refusal) => {
		expect(refusal?.status).toBe(403)
		expect(refusal?.text).toContain('open the URL that it printed')
		expect(refusal?.text).not.toContain('right')
	})
})

it('takes no form, which any page could send', () => {
	expect(post({ ...FROM_PAGE, 'content-type': 'text/plain' })?.status).toBe(415)
	expect(post({ ...FROM_PAGE, 'content-type': 'application/x-www-form-urlencoded' })?.status).toBe(415)
})

it('takes no other method', () => {
	const headers = FROM_PAGE
	expect(checkCaller({ method: 'PUT', url: '/?token=right', headers }, ADDRESS)?.status).toBe(405)
})
