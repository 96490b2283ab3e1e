import { expect, it } from 'vitest'
import { AwsError, findAwsFailure, isAwsRefusal } from '../lib/aws-error.ts'
import { ExportError, toReason } from '../lib/errors.ts'

const CALL = { service: 'sqs', action: 'SendMessage', resource: 'requests' }

it('says what was called, and what AWS answered', () => {
	const answered = { ...CALL, message: 'no permission', httpStatus: 403 }
	expect(new AwsError('AccessDenied', answered).message).toBe(
		'sqs SendMessage on requests was refused with AccessDenied: no permission',
	)
	expect(new AwsError('ECONNREFUSED', CALL).message).toBe(
		'no answer to sqs SendMessage on requests (ECONNREFUSED)',
	)
	expect(new AwsError('NoMessageId').message).toBe('NoMessageId')
})

it('is found behind any number of causes', () => {
	const cause = new AwsError('NotFound', CALL)
	const wrapped = new ExportError('INTERNAL', 'outer', { cause: new Error('inner', { cause }) })
	expect(findAwsFailure(wrapped)).toBe(cause.failure)
	expect(wrapped.aws).toBe(cause.failure)
	expect(findAwsFailure(new Error('other'))).toBeNull()
	expect(findAwsFailure('text')).toBeNull()
})

it('gives the reason of an error in words that may be logged', () => {
	expect(toReason(new AwsError('NotFound', CALL))).toContain('NotFound')
	expect(toReason(new ExportError('INTERNAL', 'ours'))).toBe('ours')
	expect(toReason(new TypeError('swordfish'))).toBe('TypeError')
	expect(toReason(1)).toBe('number')
})

it('is a refusal only when AWS answered that the call itself is wrong', () => {
	const failure = (code: string, httpStatus: number | null) => new AwsError(code, { httpStatus }).failure
	expect(isAwsRefusal(failure('AccessDeniedException', 400))).toBe(true)
	expect(isAwsRefusal(failure('ThrottlingException', 400))).toBe(false)
	expect(isAwsRefusal(failure('InternalServerError', 500))).toBe(false)
	expect(isAwsRefusal(failure('ECONNRESET', null))).toBe(false)
})
