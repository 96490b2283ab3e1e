import { expect, it } from 'vitest'
import { parseTraceparent } from '../../lib/formats/traceparent.ts'

const VALID = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

it('keeps a valid trace context unchanged', () => {
	expect(parseTraceparent(VALID)).toBe(VALID)
})

it.each([
	undefined,
	1,
	'',
	VALID.toUpperCase(),
	VALID.replace(/^00/, 'ff'),
	`00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
	`00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
	`${VALID}\n`,
])('drops %o', (value) => {
	expect(parseTraceparent(value)).toBeUndefined()
})
