import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyCode } from '../../lib/ncp/return-codes.ts'

const httpStatus = fc.integer({ min: 200, max: 599 })
const code = fc.nat({ max: 9_999_999 }).map(String)

describe('classifyCode', () => {
	it('accepts only code 0 in the action’s own response', () => {
		fc.assert(
			fc.property(
				fc.constantFrom('gateway' as const, 'api' as const, 'response' as const, 'none' as const),
				fc.option(code),
				httpStatus,
				(envelope, value, status) => {
					const isAccepted = classifyCode(envelope, value, status).kind === 'accepted'
					expect(isAccepted).toBe(envelope === 'response' && value === '0')
				},
			),
		)
	})
})
