import { expect, it } from 'vitest'
import { count } from '../../tools/terminal/count.ts'

it.each([
	[0, 'message', undefined, '0 messages'],
	[1, 'message', undefined, '1 message'],
	[2, 'message', undefined, '2 messages'],
	[1, 'entry', 'entries', '1 entry'],
	[12, 'entry', 'entries', '12 entries'],
])('counts %i %s', (number, one, many, text) => {
	expect(count(number, one, many)).toBe(text)
})
