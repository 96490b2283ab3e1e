import { expect, it } from 'vitest'
import { createRandom } from '../../lib/wiring/create-id.ts'

it('gives numbers from 0 to 1, exclusive, of every size, also beyond its first pool', () => {
	const random = createRandom()
	const numbers = Array.from({ length: 10_000 }, random)
	expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
	expect(new Set(numbers).size).toBe(256)
	// A pool that was handed out twice would repeat itself.
	expect(numbers.slice(0, 2_048)).not.toEqual(numbers.slice(2_048, 4_096))
})
