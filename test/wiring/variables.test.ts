import { describe, expect, it } from 'vitest'
import { readVariables } from '../../lib/wiring/variables.ts'

describe('readVariables', () => {
	it.each(['', ' ', undefined])('counts %j as unset', (NAME) => {
		const { optional, required, integer, minutes, oneOf, problems } = readVariables({ NAME })
		expect(optional('NAME')).toBeUndefined()
		expect(integer('NAME', 7, 1, 9)).toBe(7)
		expect(minutes('NAME', 2)).toBe(120_000)
		expect(oneOf('NAME', ['a', 'b'], 'b')).toBe('b')
		expect(problems).toEqual([])
		expect(required('NAME')).toBe('')
		expect(problems).toEqual(['NAME is not set'])
	})

	it('cuts the white space around a value', () => {
		const { optional, required } = readVariables({ NAME: ' value\n' })
		expect([optional('NAME'), required('NAME')]).toEqual(['value', 'value'])
	})

	it.each([
		['100', 100],
		['60000', 60_000],
		['0100', 100],
	])('reads %j as a whole number', (NAME, value) => {
		const { integer, problems } = readVariables({ NAME })
		expect(integer('NAME', 5_000, 100, 60_000)).toBe(value)
		expect(problems).toEqual([])
	})

	it.each(['99', '60001', '1e3', '-100', '100.5', '0x64', 'swordfish'])(
		'does not take %j for a whole number in the range',
		(NAME) => {
			const { integer, problems } = readVariables({ NAME })
			expect(integer('NAME', 5_000, 100, 60_000)).toBe(5_000)
			expect(problems).toEqual(['NAME must be a whole number from 100 to 60000'])
		},
	)

	it.each([
		['10080', 604_800_000],
		['1', 60_000],
		['0.5', 30_000],
	])('reads %j minutes in milliseconds', (NAME, ms) => {
		const { minutes, problems } = readVariables({ NAME })
		expect(minutes('NAME', 2)).toBe(ms)
		expect(problems).toEqual([])
	})

	it.each(['0', '-1', '10081', 'swordfish'])('does not take %j for a number of minutes', (NAME) => {
		const { minutes, problems } = readVariables({ NAME })
		expect(minutes('NAME', 2)).toBe(120_000)
		expect(problems).toEqual(['NAME must be a number of minutes, up to 10080'])
	})

	it('takes one of several words, and names them all when it is another', () => {
		const words = ['signature', 'iam', 'none'] as const
		expect(readVariables({ NAME: 'iam' }).oneOf('NAME', words, 'signature')).toBe('iam')
		const { oneOf, problems } = readVariables({ NAME: 'swordfish' })
		expect(oneOf('NAME', words, 'signature')).toBe('signature')
		expect(problems).toEqual(['NAME must be signature, iam or none'])
	})
})
