import { expect, it } from 'vitest'
import { fromSdkError } from '../../lib/aws/sdk-error.ts'

const CALL = { service: 'sqs', action: 'SendMessage', resource: 'requests-dead' }

it('keeps what AWS answered', () => {
	const $metadata = { httpStatusCode: 400, requestId: 'r-1' }
	const error = Object.assign(new Error('The specified queue does not exist.'), {
		name: 'QueueDoesNotExist',
		$metadata,
	})
	expect(fromSdkError(error, CALL).failure).toEqual({
		...CALL,
		code: 'QueueDoesNotExist',
		message: 'The specified queue does not exist.',
		httpStatus: 400,
		requestId: 'r-1',
	})
})

it('keeps only the first line: the others may quote the request with its token', () => {
	const message = "The signature does not match.\n\nThe Canonical String should have been\n'POST swordfish'"
	const error = Object.assign(new Error(message), { $metadata: { httpStatusCode: 403 } })
	expect(fromSdkError(error, CALL).failure.message).toBe('The signature does not match.')
})

it('quotes no message of an error that AWS did not answer', () => {
	const refused = Object.assign(new Error('swordfish'), { code: 'ECONNREFUSED' })
	expect(fromSdkError(refused, CALL).failure).toMatchObject({
		code: 'ECONNREFUSED',
		message: '',
		httpStatus: null,
	})
	expect(fromSdkError(new DOMException('x', 'TimeoutError'), CALL).failure.code).toBe('TimeoutError')
	expect(fromSdkError('text', CALL).failure.code).toBe('text')
})
