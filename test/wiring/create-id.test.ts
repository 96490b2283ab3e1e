import { expect, it } from 'vitest'
import { createIdMaker } from '../../lib/wiring/create-id.ts'

it('makes ULIDs: the time first, in base 32', () => {
	// The reference implementation's example, https://github.com/ulid/javascript.
	expect(createIdMaker()(1_469_918_176_385)).toMatch(/^01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/)
	expect(createIdMaker()(2 ** 48 - 1)).toMatch(/^7ZZZZZZZZZ/)
})

it('sorts later ids after earlier ones', () => {
	const createId = createIdMaker()
	const ids = [1, 31, 32, 1_000, 1_764_000_000_000, 1_764_000_000_001].map(createId)
	expect(ids.toSorted()).toEqual(ids)
})

it('repeats no id, even beyond its first pool of random numbers', () => {
	const createId = createIdMaker()
	const ids = Array.from({ length: 10_000 }, () => createId(1))
	expect(new Set(ids).size).toBe(ids.length)
	// Every character occurs in every position.
	for (let place = 10; place < 26; place++) expect(new Set(ids.map((id) => id.charAt(place))).size).toBe(32)
})
