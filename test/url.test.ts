import { expect, it } from 'vitest'
import { isLoopback, readBaseUrl, toQueueName } from '../lib/url.ts'

it.each([
	['https://a.example/', 'https://a.example', []],
	['https://a.example/b//', 'https://a.example/b', []],
	['http://127.0.0.1:9', 'http://127.0.0.1:9', []],
	['http://a.example', 'http://a.example', ['X must be https, unless the host is loopback']],
	['ftp://a.example', '', ['X must be an http(s) URL']],
	['nonsense', '', ['X must be an http(s) URL']],
	['https://u:p@a.example?q#h', 'https://a.example', ['X must hold nothing but scheme, host, port and path']],
])('reads %s', (text, base, expected) => {
	const problems: string[] = []
	expect(readBaseUrl(text, problems, 'X')).toBe(base)
	expect(problems).toEqual(expected)
})

it.each(['localhost', '::1', '[::1]', '127.0.0.1', '127.9.9.9'])('recognises %s as loopback', (host) => {
	expect(isLoopback(host)).toBe(true)
})

it.each(['127.0.0.1.example', 'localhost.example', '10.0.0.1', ''])(
	'does not recognise %j as loopback',
	(host) => {
		expect(isLoopback(host)).toBe(false)
	},
)

it('names a queue by the last part of its URL', () => {
	expect(toQueueName('https://vpce-1.sqs.ap-northeast-2.vpce.amazonaws.com/1/requests')).toBe('requests')
})
