import { expect, it } from 'vitest'
import { readOrder } from '../../lib/coverage/read-order.ts'
import { PolicyInvalid } from '../../lib/errors.ts'
import { NOW, policy } from './samples.ts'

const POLICY = { name: 'nightly', bucketName: 'my-bucket' }

it('reads what a schedule sends as a sweep of now', () => {
	expect(readOrder({ policy: POLICY }, { regionCode: 'KR' }, NOW)).toEqual({
		policy: policy(),
		instanceNo: null,
		sweptAt: '2026-11-25T12:00:00.000Z',
	})
})

it('reads a message as the check of one instance', () => {
	const body = JSON.stringify({ policy: POLICY, instanceNo: '1', sweptAt: '2026-11-25T11:00:00Z' })
	expect(readOrder(body, { regionCode: 'KR' }, NOW)).toEqual({
		policy: policy(),
		instanceNo: '1',
		sweptAt: '2026-11-25T11:00:00Z',
	})
})

it.each([
	['', ['policy is required']],
	['[]', ['policy is required']],
	[null, ['policy is required']],
	[{}, ['policy must be an object with the fields of a policy']],
	[{ policy: POLICY, instanceNo: 1 }, ['instanceNo must be 1 to 20 digits, as a string']],
	[{ policy: POLICY, instanceNo: '../2' }, ['instanceNo must be 1 to 20 digits, as a string']],
	[{ policy: POLICY, sweptAt: 'now' }, ['sweptAt must be a time in ISO 8601']],
	[{ policy: POLICY, sweptAt: '1' }, ['sweptAt must be a time in ISO 8601']],
	[{ policy: POLICY, sweptAt: 'Nov 25, 2026' }, ['sweptAt must be a time in ISO 8601']],
	[{ policy: POLICY, sweptAt: '2026-02-30T25:00:00Z' }, ['sweptAt must be a time in ISO 8601']],
	// A check of one instance must not become a sweep of all.
	[{ policy: POLICY, instanceNO: '1' }, ['instanceNO is unknown; did you mean "instanceNo"?']],
	[
		JSON.stringify({ policy: POLICY, ['x'.repeat(300)]: 1 }),
		[`${'x'.repeat(79)}… is unknown; known are policy, instanceNo, sweptAt`],
	],
	[
		{ policy: { ...POLICY, instances: ['1'], folderPath: 'one/' }, instanceNo: '2' },
		["instanceNo is not one of the policy's instances"],
	],
	[
		{ policy: { ...POLICY, exclude: ['2'] }, instanceNo: '2', sweptAt: 'now' },
		['sweptAt must be a time in ISO 8601', "instanceNo is not one of the policy's instances"],
	],
	[
		{ policy: { name: 'x' }, instanceNo: '', sweptAt: 5 },
		[
			'instanceNo must be 1 to 20 digits, as a string',
			'sweptAt must be a time in ISO 8601',
			'bucketName is required',
		],
	],
])('refuses %j with every problem', (input, problems) => {
	let error: unknown
	try {
		readOrder(input, {}, NOW)
	} catch (thrown) {
		error = thrown
	}
	expect(error).toBeInstanceOf(PolicyInvalid)
	const found = (error as PolicyInvalid).problems.map(({ field, detail }) => `${field} ${detail}`)
	expect(found).toEqual(problems)
	expect(error).toMatchObject({ code: 'POLICY_INVALID', name: 'PolicyInvalid', retryable: false })
})
