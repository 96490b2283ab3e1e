import { describe, expect, it } from 'vitest'
import { RequestInvalid } from '../../lib/errors.ts'
import { fromApiRequest, parseExportRequest, toApiRequest } from '../../lib/request/export-request.ts'

const GOOD = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

/** A valid request of each other product, in the API's names and in ours. */
const GOOD_OF = {
	mysql: {
		request: { cloudMysqlInstanceNo: '12', fileName: 'f', bucketName: 'my-bucket' },
		neutral: { fileName: 'f' },
	},
	mongodb: {
		request: { cloudMongoDbInstanceNo: '12', objectName: '668583966f0a', bucketName: 'my-bucket' },
		neutral: { fileName: '668583966f0a' },
	},
	cache: {
		request: { cloudCacheInstanceNo: '12', fileName: 'f', backupTypeMode: 'SYSTEM', bucketName: 'my-bucket' },
		neutral: { fileName: 'f', chosen: { backupTypeMode: 'SYSTEM' } },
	},
} as const

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

	it.each(Object.entries(GOOD_OF))(
		'accepts a %s request, and writes it as it was',
		(product, { request, neutral }) => {
			const parsed = parseExportRequest(request)
			expect(parsed).toEqual({ product, instanceNo: '12', ...neutral, bucketName: 'my-bucket' })
			expect(toApiRequest(parsed)).toEqual(request)
			expect(fromApiRequest(request)).toEqual(parsed)
		},
	)

	it('puts only products with folders into the default one', () => {
		const defaults = { folderPath: 'db/{instanceNo}', regionCode: 'KR' }
		const folders = Object.values(GOOD_OF).map(
			({ request }) => parseExportRequest(request, defaults).folderPath,
		)
		expect(folders).toEqual(['db/12/', undefined, undefined])
	})

	it.each([
		['mongodb', { fileName: 'x' }, 'fileName is unknown: MongoDB takes "objectName", not "fileName"'],
		['mongodb', { folderPath: 'x' }, 'folderPath is unknown: MongoDB has no folderPath'],
		['cache', { folderPath: 'x' }, 'folderPath is unknown: Cache has no folderPath'],
		['cache', { backupTypeMode: 'system' }, 'backupTypeMode must be "SYSTEM" or "MANUAL"'],
		['cache', { backupTypeMode: undefined }, 'backupTypeMode is required'],
		['mysql', { objectName: 'x' }, 'objectName is unknown: MySQL takes "fileName", not "objectName"'],
		['mysql', { backupTypeMode: 'SYSTEM' }, 'backupTypeMode is unknown; known are cloudMysqlInstanceNo,'],
		[
			'cache',
			{ cloudMongoDbInstanceNo: '1' },
			'cloudCacheInstanceNo cannot be combined with cloudMongoDbInstanceNo: a request is for one instance',
		],
	] as const)('tells a %s request with %j: %s', (product, changes, words) => {
		const problems = problemsOf({ ...GOOD_OF[product].request, ...changes })
		expect(problems.map(({ field, detail }) => `${field} ${detail}`).join('\n')).toContain(words)
	})

	it('names the fields of the product that is meant, also when its instance field is missing', () => {
		expect(problemsOf({ objectName: 'x', bucketName: 'my-bucket' })).toEqual([
			{ field: 'cloudMongoDbInstanceNo', detail: 'is required' },
		])
		expect(problemsOf({ cloudMySqlInstanceNo: '1', fileName: 'x', bucketName: 'my-bucket' })).toEqual([
			{ field: 'cloudMysqlInstanceNo', detail: 'is required' },
			{ field: 'cloudMySqlInstanceNo', detail: 'is unknown; did you mean "cloudMysqlInstanceNo"?' },
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
