import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStrictJson } from '../../lib/formats/json.ts'

describe('parseStrictJson', () => {
	it('reads any JSON value as JSON.parse does', () => {
		fc.assert(
			fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat({ max: 3 }), (value, indent) => {
				const text = JSON.stringify(value, null, indent)
				// Numbers whose text is not their plain digits are refused.
				fc.pre(!/\d[eE]|-0\b/.test(text))
				expect(parseStrictJson(text)).toEqual(JSON.parse(text))
			}),
		)
	})

	it('refuses an object with a repeated name, however it is escaped or nested', () => {
		const name = fc.string({ minLength: 1, maxLength: 8 })
		fc.assert(
			fc.property(name, fc.jsonValue({ maxDepth: 2 }), fc.boolean(), (key, value, isEscaped) => {
				const plain = JSON.stringify(key)
				const escaped = `"${[...key]
					.flatMap((c) => c.split(''))
					.map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
					.join('')}"`
				const text = `[1,{"a ":{${plain}:${JSON.stringify(value)},${isEscaped ? escaped : plain}:1}}]`
				expect(() => parseStrictJson(text)).toThrow('twice')
			}),
		)
	})

	it('does not confuse a repeated name with the same name in another object or in a string', () => {
		const text = '{"a":{"a":[{"a":1},{"a":2}]},"b":"a\\":{\\"a\\":1,\\"a\\":2}"}'
		expect(parseStrictJson(text)).toEqual(JSON.parse(text))
	})

	it.each([
		['', 'is not JSON'],
		['{"a":', 'is not JSON'],
		['{"a":1,"a":2}', 'names "a" twice'],
		['{"__proto__":1,"__proto__":2}', 'names "__proto__" twice'],
		['['.repeat(33) + ']'.repeat(33), 'is nested deeper than 32'],
		[`${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`, 'is nested deeper than 32'],
	])('refuses %.20s', (text, message) => {
		expect(() => parseStrictJson(text)).toThrow(message)
	})

	it.each(['1234925.00000000001', '9007199254740991.4', '-0', '1e3', '1.0'])(
		'does not round %s to other digits',
		(number) => {
			expect(parseStrictJson(`{"a":${number}}`)).toEqual({ a: Number.NaN })
		},
	)

	it('parses 256 KiB of names in bounded time', () => {
		const text = `{${Array.from({ length: 20_000 }, (_, n) => `"n${n}":${n}`).join()}}`
		const started = performance.now()
		parseStrictJson(text)
		expect(performance.now() - started).toBeLessThan(1_000)
	})

	it.each([
		['escaped quotation marks', '\\"'],
		['backslashes', '\\\\'],
		['backslashes before line ends', '\\\n'],
		['quotation marks', '"'],
		['open braces', '{'],
	])('parses 256 KiB of %s in bounded time', (_name, unit) => {
		const started = performance.now()
		expect(() => parseStrictJson(`"${unit.repeat(128 * 1024)}`)).toThrow()
		expect(performance.now() - started).toBeLessThan(1_000)
	})
})
