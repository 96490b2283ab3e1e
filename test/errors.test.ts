import { expect, it } from 'vitest'
import {
	cut,
	ERROR_CODES,
	ExportError,
	firstWaitSecondsOf,
	isRetryable,
	RequestInvalid,
	toExportError,
} from '../lib/errors.ts'

it.each(ERROR_CODES)('%s has the error name that Step Functions matches', (code) => {
	const error = new ExportError(code, 'm')
	expect(error).toMatchObject({
		name: isRetryable(code) ? 'ExportRetryable' : 'ExportFailed',
		retryable: isRetryable(code),
		firstWaitSeconds: firstWaitSecondsOf(code),
	})
	expect(firstWaitSecondsOf(code)).toBeGreaterThan(0)
})

it('has only codes, flags and waits as enumerable properties, no cause and no problem text', () => {
	const error = new ExportError('NCP_LATER', 'm', { cause: new Error('swordfish'), retryAfterSeconds: 9 })
	expect({ ...error }).toEqual({
		code: 'NCP_LATER',
		retryable: true,
		retryAfterSeconds: 9,
		firstWaitSeconds: 10,
		replyCode: null,
		mayBeDone: false,
	})
})

it('lists every problem of a request', () => {
	const error = new RequestInvalid([
		{ field: 'a', detail: 'is required' },
		{ field: 'b', detail: 'is unknown' },
	])
	expect(error).toMatchObject({
		name: 'RequestInvalid',
		code: 'REQUEST_INVALID',
		message: 'a is required; b is unknown',
	})
})

it('wraps a foreign error, and returns an ExportError unchanged', () => {
	const ours = new ExportError('NCP_LATER', 'm')
	expect(toExportError(ours)).toBe(ours)
	const foreign = new TypeError('with a body')
	expect(toExportError(foreign)).toMatchObject({
		code: 'INTERNAL',
		message: 'unexpected TypeError',
		cause: foreign,
	})
	expect(toExportError('text').message).toBe('unexpected string')
})

it('cuts foreign text without splitting a character', () => {
	expect(cut('abc', 3)).toBe('abc')
	expect(cut('abcd', 3)).toBe('ab…')
	expect(cut(`a${'😀'.repeat(3)}`, 3).isWellFormed()).toBe(true)
})
