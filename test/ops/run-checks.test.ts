import { describe, expect, it } from 'vitest'
import { failed, ok } from '../../tools/ops/finding.ts'
import { CallFailed, OpsError } from '../../tools/ops/ops-error.ts'
import { NeedFailed, runChecks, toFindings } from '../../tools/ops/run-checks.ts'

const refusal = (subject: string, name: string) =>
	new CallFailed(subject, Object.assign(new Error('no'), { name }))

describe('toFindings', () => {
	it('keeps failures of their own apart', () => {
		const results = [
			{ check: 'a', verdict: ok('fine') },
			{ check: 'b', error: refusal('the queue b', 'QueueDoesNotExist') },
			{ check: 'c', error: refusal('the queue c', 'QueueDoesNotExist') },
		]
		expect(toFindings(results, 'AWS')).toEqual([
			{ check: 'a', ...ok('fine') },
			{ check: 'b', ...failed(expect.stringContaining('the queue b does not exist') as never) },
			{ check: 'c', ...failed(expect.stringContaining('the queue c does not exist') as never) },
		])
	})

	it('names the subject when only one check has a cause that all could have', () => {
		const results = [{ check: 'a', error: refusal('the table t', 'TimeoutError') }]
		expect(toFindings(results, 'AWS')).toEqual([
			{ check: 'a', ...failed('the table t did not answer in time; check the network') },
		])
	})

	it('counts two codes as one cause when they mean the same', () => {
		const results = [
			{ check: 'a', error: refusal('the queue a', 'ExpiredToken') },
			{ check: 'b', verdict: ok('fine') },
			{ check: 'c', error: refusal('the table c', 'ExpiredTokenException') },
		]
		expect(toFindings(results, 'AWS')).toEqual([
			{
				check: 'AWS',
				...failed('AWS rejected the AWS credentials: they have expired; log in again'),
				unchecked: ['a', 'c'],
			},
			{ check: 'b', ...ok('fine') },
		])
	})

	it('finds the cause behind what several checks need', () => {
		const needed = new NeedFailed(
			'secret',
			new OpsError('no secret', { cause: refusal('the secret s', 'EAI_AGAIN') }),
		)
		const results = [
			{ check: 'queue', error: refusal('the queue q', 'EAI_AGAIN') },
			{ check: 'NCP', error: needed },
		]
		expect(toFindings(results, 'AWS')).toMatchObject([{ check: 'AWS', unchecked: ['queue', 'NCP'] }])
		expect(toFindings(results.slice(1), 'AWS')).toEqual([
			{ check: 'secret', ...failed('no secret'), unchecked: ['NCP'] },
		])
	})
})

describe('runChecks', () => {
	it('makes each check, and skips what is still running when it is interrupted', async () => {
		const interrupted = new AbortController()
		const checks = [
			{ name: 'quick', run: async () => ok('fine') },
			{ name: 'broken', run: () => Promise.reject(new OpsError('it is broken')) },
			{ name: 'hanging', run: () => new Promise<never>(() => undefined) },
		]
		const findings = runChecks(checks, 'AWS', interrupted.signal)
		interrupted.abort()
		expect(await findings).toEqual([
			{ check: 'quick', result: 'ok', words: 'fine' },
			{ check: 'broken', result: 'failed', words: 'it is broken' },
			{ check: 'hanging', result: 'skipped', words: 'interrupted' },
		])
	})
})
