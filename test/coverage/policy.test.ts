import { describe, expect, it } from 'vitest'
import { forInstance, parsePolicy, toRateMinutes } from '../../lib/coverage/policy.ts'
import { PolicyInvalid } from '../../lib/errors.ts'

const SMALL = { name: 'nightly', bucketName: 'my-bucket' }

function problemsOf(value: unknown): string[] {
	try {
		parsePolicy(value)
	} catch (error) {
		if (error instanceof PolicyInvalid) return error.problems.map(({ field, detail }) => `${field} ${detail}`)
		throw error
	}
	return []
}

describe('parsePolicy', () => {
	it('fills in what a policy need not say', () => {
		expect(parsePolicy(SMALL, { regionCode: 'KR' })).toEqual({
			name: 'nightly',
			product: 'postgresql',
			instances: 'all',
			exclude: [],
			regionCode: 'KR',
			bucketName: 'my-bucket',
			folderPath: '{instanceNo}/',
			graceHours: 6,
			rate: 'rate(1 hour)',
		})
	})

	it('keeps what it says', () => {
		const whole = {
			...SMALL,
			product: 'postgresql',
			instances: ['1', '2'],
			regionCode: 'JPN',
			folderPath: 'db/{instanceNo}/',
			graceHours: 12.5,
			rate: 'rate(30 minutes)',
		}
		expect(parsePolicy(whole, { regionCode: 'KR' })).toEqual({ ...whole, exclude: [] })
	})

	it('takes a folder without a number for a single instance', () => {
		expect(parsePolicy({ ...SMALL, instances: ['1'], folderPath: 'one/' }).folderPath).toBe('one/')
	})

	it('reports every problem at once, by field', () => {
		const wrong = {
			name: 'Nightly!',
			product: 'oracle',
			instances: ['1', 'x'],
			exclude: 'none',
			regionCode: 'kr',
			folderPath: '../x',
			graceHours: 0,
			rate: 'rate(1 hours)',
			bucket: 'my-bucket',
		}
		expect(problemsOf(wrong).map((problem) => problem.split(' ')[0])).toEqual([
			'name',
			'product',
			'instances',
			'exclude',
			'regionCode',
			'bucketName',
			'folderPath',
			'graceHours',
			'rate',
			'bucket',
		])
	})

	it('reports what two fields make wrong together beside what is wrong in others', () => {
		expect(problemsOf({ name: 'X', instances: ['1', '2'], exclude: ['3'], folderPath: 'x/' })).toEqual([
			'name must be 1 to 40 of a-z, 0-9 and "-"',
			'bucketName is required',
			'folderPath must hold {instanceNo} when there is more than one instance',
			'exclude takes instances out of "all", not out of a list',
		])
		expect(problemsOf({ ...SMALL, instances: 5, folderPath: 'x/' })).toEqual([
			'instances must be "all" or a list of different instance numbers',
		])
	})

	it('says once what is wrong with many members of a list', () => {
		expect(problemsOf({ ...SMALL, exclude: ['a', 'b', 'c'] })).toEqual(['exclude must be 1 to 20 digits'])
	})

	it.each(['__proto__', 'constructor', 'toString'])('takes no field from a prototype: %s', (name) => {
		const value = JSON.parse(`{ "name": "nightly", "bucketName": "my-bucket", "${name}": {} }`)
		expect(problemsOf(value)).toEqual([expect.stringContaining(`${name} is unknown`)])
		expect(problemsOf({ ...SMALL, product: name })).toEqual([expect.stringMatching(/^product must be /)])
	})

	it.each([
		[null, 'policy must be an object with the fields of a policy'],
		[[], 'policy must be an object with the fields of a policy'],
		[{ ...SMALL, bucketNam: 'x' }, 'bucketNam is unknown; did you mean "bucketName"?'],
		[{ name: 'x' }, 'bucketName is required'],
		[{ ...SMALL, product: 'oracle' }, 'product must be postgresql or mysql'],
		[
			{ ...SMALL, product: 'mongodb' },
			'product must be postgresql or mysql: NCP does not document how to list the backup files of MongoDB',
		],
		[{ ...SMALL, instances: [] }, 'instances must name an instance'],
		[{ ...SMALL, instances: 'some' }, 'instances must be "all" or a list of different instance numbers'],
		[{ ...SMALL, instances: ['1', '1'] }, 'instances must name each instance once'],
		[{ ...SMALL, exclude: ['1', '1'] }, 'exclude must name each instance once'],
		[
			{ ...SMALL, folderPath: 'x/' },
			'folderPath must hold {instanceNo} when there is more than one instance',
		],
		[
			{ ...SMALL, folderPath: 'x/', instances: ['1', '2'] },
			'folderPath must hold {instanceNo} when there is more than one instance',
		],
		[
			{ ...SMALL, instances: ['1'], exclude: ['2'] },
			'exclude takes instances out of "all", not out of a list',
		],
		[
			{ ...SMALL, rate: 'rate(1 minute)' },
			'rate must be a rate of 5 minutes to 1 day, such as "rate(1 hour)"',
		],
		[{ ...SMALL, rate: 'rate(2 days)' }, 'rate must be a rate of 5 minutes to 1 day, such as "rate(1 hour)"'],
		[
			{ ...SMALL, rate: 'cron(0 * * * ? *)' },
			'rate must be a rate of 5 minutes to 1 day, such as "rate(1 hour)"',
		],
		[{ ...SMALL, graceHours: '6' }, 'graceHours must be a number of hours'],
	])('refuses %j', (value, problem) => {
		expect(problemsOf(value)).toEqual([problem])
	})
})

it.each([
	['rate(5 minutes)', 5],
	['rate(1 hour)', 60],
	['rate(12 hours)', 720],
	['rate(1 day)', 1_440],
])('counts the minutes of %s', (rate, minutes) => {
	expect(toRateMinutes(parsePolicy({ ...SMALL, rate }).rate)).toBe(minutes)
})

it('cuts a policy down to one instance, and stays valid', () => {
	const policy = parsePolicy({ ...SMALL, exclude: ['7'] })
	const one = forInstance(policy, '1')
	expect(one).toEqual({ ...policy, instances: ['1'], exclude: [] })
	expect(parsePolicy(JSON.parse(JSON.stringify(one)))).toEqual(one)
})
