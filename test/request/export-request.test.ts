import { describe, expect, it } from 'vitest'
import { RequestInvalid } from '../../lib/errors.ts'
import { parseExportRequest, toApiRequest } from '../../lib/request/export-request.ts'

const GOOD = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

function problemsOf(value: unknown) {
	try {
		parseExportRequest(value)
	} catch (error) {
		if (error instanceof RequestInvalid) return error.problems
		throw error
	}
	return []
}

describe('parseExportRequest', () => {
	it('accepts the three required fields', () => {
		const parsed = parseExportRequest(GOOD)
		expect(parsed).toEqual({
			product: 'postgresql',
			instanceNo: '1234925',
			fileName: '20210528',
			bucketName: 'my-bucket',
		})
		expect(toApiRequest(parsed)).toEqual(GOOD)
	})

	it('accepts every field', () => {
		const all = {
			...GOOD,
			folderPath: 'a/',
			regionCode: 'KR',
			responseFormatType: 'json',
			idempotencyKey: 'key 1',
		}
		expect(toApiRequest(parseExportRequest(all, { regionCode: 'SGN' }))).toEqual(all)
	})

	it('uses the default region when the request has none', () => {
		expect(parseExportRequest(GOOD, { regionCode: 'KR' }).regionCode).toBe('KR')
	})

	it('puts a request without a folder into the default one, by its instance', () => {
		const defaults = { folderPath: 'pg/{instanceNo}' }
		expect(parseExportRequest(GOOD, defaults).folderPath).toBe('pg/1234925/')
		expect(parseExportRequest({ ...GOOD, folderPath: 'own' }, defaults).folderPath).toBe('own/')
	})

	it.each([
		['nightly', 'nightly/'],
		['nightly/', 'nightly/'],
		['a/B_1/c-2.d', 'a/B_1/c-2.d/'],
		['...', '.../'],
		['x'.repeat(200), `${'x'.repeat(200)}/`],
		[`${'x'.repeat(200)}/`, `${'x'.repeat(200)}/`],
	])('accepts the folder %s', (folderPath, sent) => {
		const parsed = parseExportRequest({ ...GOOD, folderPath })
		expect(parsed.folderPath).toBe(sent)
		// What is queued is read again.
		expect(parseExportRequest(toApiRequest(parsed))).toEqual(parsed)
	})

	it.each([
		[1234925, '1234925'],
		[0, '0'],
		[Number.MAX_SAFE_INTEGER, '9007199254740991'],
		['00012', '00012'],
	])('accepts %o as an instance number', (given, instanceNo) => {
		expect(parseExportRequest({ ...GOOD, cloudPostgresqlInstanceNo: given }).instanceNo).toBe(instanceNo)
	})

	it.each([
		['cloudPostgresqlInstanceNo', 2 ** 53],
		['cloudPostgresqlInstanceNo', -1],
		['cloudPostgresqlInstanceNo', 1.5],
		['cloudPostgresqlInstanceNo', ' 1'],
		['cloudPostgresqlInstanceNo', '1'.repeat(21)],
		['cloudPostgresqlInstanceNo', null],
		['fileName', ''],
		['fileName', 'x'.repeat(256)],
		['fileName', 'a\nb'],
		['fileName', ' a'],
		['fileName', 'a '],
		['fileName', 'a\u0085b'],
		['fileName', 'a\uD800'],
		['fileName', 20210528],
		['bucketName', 'ab'],
		['bucketName', 'a'.repeat(64)],
		['bucketName', 'My-Bucket'],
		['bucketName', '192.168.0.1'],
		['bucketName', 'my-bucket\n'],
		['folderPath', ''],
		['folderPath', '/'],
		['folderPath', '/a'],
		['folderPath', 'a//b'],
		['folderPath', 'a//'],
		['folderPath', '.'],
		['folderPath', '../a'],
		['folderPath', 'a/./b'],
		['folderPath', 'a/..'],
		['folderPath', 'a b'],
		['folderPath', 'a\n'],
		['folderPath', '\u00e9'],
		['folderPath', '{instanceNo}'],
		['folderPath', 'x'.repeat(201)],
		['folderPath', null],
		['regionCode', 'K'],
		['regionCode', 'kr'],
		['regionCode', null],
		['responseFormatType', 'XML'],
		['idempotencyKey', ''],
		['idempotencyKey', ' a'],
		['idempotencyKey', 'é'],
		['idempotencyKey', 'x'.repeat(256)],
	])('refuses %s = %o with exactly one problem', (field, value) => {
		expect(problemsOf({ ...GOOD, [field]: value })).toEqual([
			{ field, detail: expect.stringMatching(/^must /) },
		])
	})

	it('names every problem at once', () => {
		expect(
			problemsOf({ filename: 'x', bucketName: 'X', regionCode: 'kr' }).map(
				({ field, detail }) => `${field}: ${detail}`,
			),
		).toEqual([
			'cloudPostgresqlInstanceNo: is required',
			'fileName: is required',
			'bucketName: must be 3 to 63 of a-z, 0-9, "." and "-"',
			'regionCode: must be 2 to 8 capital letters, such as KR',
			'filename: is unknown; did you mean "fileName"?',
		])
	})

	it.each([
		['instanceNo', 'known are'],
		['cloudPostgresInstanceNo', 'did you mean "cloudPostgresqlInstanceNo"'],
		['bucket_name', 'did you mean "bucketName"'],
		['zzz', 'known are'],
	])('reports the unknown field %s with the hint: %s', (field, words) => {
		expect(problemsOf({ ...GOOD, [field]: 1 })).toEqual([{ field, detail: expect.stringContaining(words) }])
	})

	it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
		'refuses the unknown field %s',
		(field) => {
			const value = JSON.parse(`${JSON.stringify(GOOD).slice(0, -1)},"${field}":{"fileName":"x"}}`)
			expect(problemsOf(value)).toEqual([{ field, detail: expect.stringContaining('is unknown') }])
		},
	)

	it.each([null, undefined, 1, true, [], [GOOD], 'text'])('refuses %o, which is not an object', (value) => {
		expect(problemsOf(value)).toEqual([
			{ field: 'body', detail: expect.stringContaining('must be an object') },
		])
	})

	it('counts the problems that it does not list, and cuts the names that it lists', () => {
		const noise = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${'x'.repeat(200)}${n}`, n]))
		const problems = problemsOf({ ...GOOD, ...noise })
		expect(problems).toHaveLength(21)
		expect(problems.at(-1)).toEqual({ field: 'body', detail: 'has 4980 more problems' })
		expect(JSON.stringify(problems).length).toBeLessThan(6_000)
	})

	it('names a single problem that it does not list in the singular', () => {
		const noise = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x${n}`, n]))
		expect(problemsOf({ ...GOOD, ...noise }).at(-1)).toEqual({ field: 'body', detail: 'has 1 more problem' })
	})
})
