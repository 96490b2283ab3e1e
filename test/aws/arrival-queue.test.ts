import { expect, it } from 'vitest'
import { parseArrivalCheck } from '../../lib/aws/arrival-queue.ts'

it('parses its own messages and no others', () => {
	const check = { exportKey: 'k', exportId: 'e', check: 3 }
	expect(parseArrivalCheck(JSON.stringify(check))).toEqual(check)
	for (const body of [
		'',
		'[]',
		'{}',
		'{"exportKey":"k","exportId":"e","check":"3"}',
		'{"exportKey":"k","check":3}',
	]) {
		expect(parseArrivalCheck(body)).toBeNull()
	}
})
