import { describe, expect, it } from 'vitest'
import { toLostReply, toUnsentReply } from '../lib/ncp/read-reply.ts'
import { toReplyError } from '../lib/reply.ts'
import { replyWith } from './fakes.ts'

describe('toReplyError', () => {
	it('finds no error in an accepted export', () => {
		expect(toReplyError(replyWith(200, { r: { returnCode: '0', returnMessage: 'success' } }))).toBeNull()
	})

	it.each([
		[
			'NCP_REFUSED',
			replyWith(400, { responseError: { returnCode: '5001017', returnMessage: 'no such instance' } }),
			'api/5001017',
			'NCP will not do it as asked: no such instance (code 5001017)',
		],
		[
			'NCP_LATER',
			replyWith(429, { error: { errorCode: '410', message: 'Throttle Limited' } }),
			'gateway/410',
			'NCP has not done it yet: Throttle Limited (code 410)',
		],
		[
			'NCP_CREDENTIALS',
			replyWith(401, { error: { errorCode: '200', message: 'Authentication Failed' } }),
			'gateway/200',
			'NCP does not accept the key pair: Authentication Failed (code 200)',
		],
		[
			'NCP_UNKNOWN',
			replyWith(200, { r: { returnCode: '77', returnMessage: 'what' } }),
			'response/77',
			'it may or may not have been done: what (code 77)',
		],
	])('names what NCP said: %s', (code, reply, replyCode, message) => {
		expect(toReplyError(reply)).toMatchObject({ code, replyCode, message })
	})

	it.each([
		['NCP_UNKNOWN', toLostReply(true, 'ECONNRESET'), 'the reply was lost after sending (ECONNRESET)'],
		['NCP_LATER', toLostReply(false, 'ECONNREFUSED'), 'nothing was sent (ECONNREFUSED)'],
		['SECRET_UNREADABLE', toUnsentReply(new TypeError('x')), 'the key pair cannot be read: TypeError'],
	])('has no code of NCP’s when no answer came: %s', (code, reply, message) => {
		const error = toReplyError(reply)
		expect(error).toMatchObject({ code, replyCode: null, message: expect.stringContaining(message) })
		expect(error?.message).not.toContain('(code')
	})

	it('passes on how long NCP asks us to wait', () => {
		const busy = { responseError: { returnCode: '5001005', returnMessage: 'busy' } }
		expect(toReplyError(replyWith(400, busy, { 'retry-after': '9' }))).toMatchObject({
			retryAfterSeconds: 9,
			firstWaitSeconds: 60,
		})
	})

	it('waits as long as its own code says when NCP says nothing', () => {
		expect(toReplyError(toLostReply(false, 'ECONNREFUSED'))).toMatchObject({
			retryAfterSeconds: null,
			firstWaitSeconds: 10,
		})
	})
})
