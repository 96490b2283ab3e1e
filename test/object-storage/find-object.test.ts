import { createServer } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createFindObject } from '../../lib/object-storage/find-object.ts'
import type { Wanted } from '../../lib/ports.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { close, listen } from '../../tools/local/listen.ts'

let aws: EmbeddedAws
const startedMs = Date.now()
beforeAll(async () => {
	aws = await startEmbeddedAws()
})
afterAll(() => aws.stop())
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

const toClient = (endpoint: string) =>
	new S3Client({
		endpoint,
		region: 'kr-standard',
		forcePathStyle: true,
		maxAttempts: 1,
		requestChecksumCalculation: 'WHEN_REQUIRED',
		responseChecksumValidation: 'WHEN_REQUIRED',
		credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
	})

let buckets = 0
async function createBucket(...keys: [key: string, body: string][]): Promise<string> {
	const name = `bucket-${++buckets}`
	await aws.createBucket(name)
	for (const [key, body] of keys) await aws.putObject(name, key, body)
	return name
}

const find = (bucketName: string, changes: Partial<Wanted> = {}, keyPrefix = '{fileName}') =>
	createFindObject(toClient(aws.endpoint), keyPrefix)(
		{
			bucketName,
			fileName: '20210528',
			product: 'postgresql' as const,
			instanceNo: '1234925',
			notBeforeMs: startedMs,
			...changes,
		},
		10_000,
	)

describe('createFindObject', () => {
	it.each([
		['its own name', '20210528', '{fileName}'],
		['its name and an ending', '20210528.tar.gz', '{fileName}'],
		['its name and more', '20210528_full-1', '{fileName}'],
		['a key with the number of its instance', 'exports/1234925/2026/20210528', '{fileName}'],
		['the configured prefix', 'backups/20210528.gz', 'backups/'],
		['a prefix with its instance', 'i-1234925/20210528', 'i-{instanceNo}/'],
		['a prefix with the older name of the instance', 'i-1234925/20210528', 'i-{cloudPostgresqlInstanceNo}/'],
		['a name with replacement pattern characters', 'a$&b', '{fileName}'],
	])('finds the object under %s', async (_name, key, keyPrefix) => {
		const bucket = await createBucket([key, 'backup'])
		expect(await find(bucket, key === 'a$&b' ? { fileName: key } : {}, keyPrefix)).toEqual({
			kind: 'found',
			object: {
				key,
				size: 6,
				etag: expect.stringMatching(/^[0-9a-f]{32}$/),
				lastModified: expect.stringMatching(/Z$/),
			},
			candidates: [key],
		})
	})

	it.each([
		['nothing at all', []],
		['an empty object', [['20210528', '']]],
		[
			'other files',
			[
				['20210529', 'x'],
				['20210528/other', 'x'],
				['120210528', 'x'],
				['pg-20210528.tar.gz', 'x'],
				['reports/monthly-20210528-summary.csv', 'x'],
				['1234925/20210528 copy', 'x'],
				['202105280.gz', 'x'],
			],
		],
	] as [string, [string, string][]][])('returns "absent" for a bucket with %s', async (_name, objects) => {
		expect(await find(await createBucket(...objects))).toEqual({ kind: 'absent' })
	})

	it.each([['exports/2026/20210528'], ['12349250/20210528.gz'], ['i-1234925/20210528']])(
		'calls %s a candidate: it does not say whose it is',
		async (key) => {
			expect(await find(await createBucket([key, 'x']))).toEqual({ kind: 'candidates', keys: [key] })
		},
	)

	it('does not take a file name of the same digits for the instance’s number', async () => {
		const bucket = await createBucket(['exports/20210528', 'x'])
		expect((await find(bucket, { instanceNo: '20210528' })).kind).toBe('candidates')
	})

	describe('with a folder', () => {
		const folderPath = 'pg/1/'

		it('finds the object in the folder, whatever lies elsewhere', async () => {
			const bucket = await createBucket(['pg/1/20210528', 'mine'], ['20210528', 'x'], ['pg/2/20210528', 'x'])
			expect(await find(bucket, { folderPath })).toMatchObject({
				kind: 'found',
				object: { key: 'pg/1/20210528', size: 4 },
				candidates: ['pg/1/20210528'],
			})
		})

		it.each([
			['a neighbour’s folder', 'pg/2/20210528'],
			['a folder whose name starts alike', 'pg/10/20210528'],
		])('does not look into %s', async (_name, key) => {
			expect(await find(await createBucket([key, 'x']), { folderPath })).toEqual({ kind: 'absent' })
		})

		it('calls an object where it lies without a folder a candidate', async () => {
			const bucket = await createBucket(['20210528.gz', 'x'])
			expect(await find(bucket, { folderPath })).toEqual({ kind: 'candidates', keys: ['20210528.gz'] })
		})

		it('names ten candidates at most', async () => {
			const keys = Array.from({ length: 11 }, (_, n): [string, string] => [`20210528-${n}`, 'x'])
			const finding = await find(await createBucket(...keys), { folderPath })
			expect(finding).toMatchObject({ kind: 'candidates', keys: { length: 10 } })
		})
	})

	it('ignores an object that is older than the request by more than the clock tolerance', async () => {
		const bucket = await createBucket(['20210528', 'old'])
		expect((await find(bucket, { notBeforeMs: Date.now() + 4 * 60_000 })).kind).toBe('found')
		expect((await find(bucket, { notBeforeMs: Date.now() + 6 * 60_000 })).kind).toBe('absent')
	})

	it.each(['dump/', '/', '///'])('matches no object to the file name %s', async (fileName) => {
		const bucket = await createBucket(['unrelated.bin', 'x'])
		expect((await find(bucket, { fileName }, '')).kind).toBe('absent')
	})

	it('prefers the exact file name, and names every candidate', async () => {
		const bucket = await createBucket(['20210528', 'a'], ['20210528-later', 'b'])
		expect(await find(bucket)).toMatchObject({
			kind: 'found',
			object: { key: '20210528' },
			candidates: ['20210528', '20210528-later'],
		})
	})

	it.each([['no such bucket', 'bucket-none', 'NoSuchBucket']])(
		'returns "unreadable", not "absent", when there is %s',
		async (_name, bucket, reason) => {
			expect(await find(bucket)).toEqual({ kind: 'unreadable', reason })
		},
	)

	it.each([
		[403, '<Error><Code>AccessDenied</Code></Error>', 'AccessDenied'],
		[500, '', expect.any(String)],
		[200, '<html><body>sign in</body></html>', 'the answer was not a list of objects'],
		[
			200,
			'<html><Name>another</Name><IsTruncated>false</IsTruncated></html>',
			'the answer was not a list of objects',
		],
		[
			200,
			'<ListBucketResult><Name>b-1</Name><IsTruncated>true</IsTruncated></ListBucketResult>',
			'the answer was not a list of objects',
		],
		[200, '<ListBucketResult><Name>b-1</Name></ListBucketResult>', 'the answer was not a list of objects'],
		[200, '<html>sign in', expect.any(String)],
	])('returns "unreadable" when Object Storage answers %i %s', async (status, body, reason) => {
		const server = createServer((_request, response) =>
			response.writeHead(status, { 'content-type': 'application/xml' }).end(body),
		)
		const url = await listen(server)
		cleanups.push(() => close(server))
		const finding = await createFindObject(toClient(url), '{fileName}')(
			{ bucketName: 'b-1', fileName: 'f', product: 'postgresql' as const, instanceNo: '1', notBeforeMs: 0 },
			10_000,
		)
		expect(finding).toEqual({ kind: 'unreadable', reason })
	})

	it('returns "unreadable" when there is no answer', async () => {
		const finding = await createFindObject(toClient('http://127.0.0.1:1'), '')(
			{ bucketName: 'b-1', fileName: 'f', product: 'postgresql' as const, instanceNo: '1', notBeforeMs: 0 },
			10_000,
		)
		expect(finding).toMatchObject({ kind: 'unreadable' })
	})

	it('returns "unreadable" as soon as its time is up', async () => {
		const server = createServer(() => undefined)
		const url = await listen(server)
		cleanups.push(() => close(server))
		const wanted = {
			bucketName: 'b-1',
			fileName: 'f',
			product: 'postgresql' as const,
			instanceNo: '1',
			notBeforeMs: 0,
		}
		const started = performance.now()
		expect(await createFindObject(toClient(url), '')(wanted, 100)).toEqual({
			kind: 'unreadable',
			reason: 'not listed within 100 ms',
		})
		expect(performance.now() - started).toBeLessThan(2_000)
	})

	describe('in a bucket of many objects', () => {
		/** Object Storage with `count` objects. Pages of 1,000, with the marker of version 1, are generated on request. */
		async function startBucketOf(count: number) {
			const pages: URLSearchParams[] = []
			const key = (n: number) => `k${String(n).padStart(8, '0')}`
			const server = createServer((request, response) => {
				const query = new URL(request.url ?? '', 'http://s3').searchParams
				pages.push(query)
				const prefix = query.get('prefix') ?? ''
				const from = query.get('marker') ? Number(query.get('marker')?.slice(1)) + 1 : 0
				const to = prefix === '' ? Math.min(count, from + 1_000) : from
				const contents = Array.from(
					{ length: to - from },
					(_, n) =>
						`<Contents><Key>${key(from + n)}</Key><Size>1</Size><LastModified>2026-11-23T00:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>`,
				)
				response.writeHead(200, { 'content-type': 'application/xml' })
				response.end(
					`<ListBucketResult><Name>b-1</Name><IsTruncated>${to < count && prefix === ''}</IsTruncated>${contents.join('')}</ListBucketResult>`,
				)
			})
			const url = await listen(server)
			cleanups.push(() => close(server))
			return { url, pages, key }
		}
		const wanted = (fileName: string): Wanted => ({
			bucketName: 'b-1',
			fileName,
			product: 'postgresql' as const,
			instanceNo: '1',
			notBeforeMs: 0,
		})

		it('lists with version 1 and a marker, and finds the last object', async () => {
			const { url, pages, key } = await startBucketOf(5_000)
			expect(await createFindObject(toClient(url), 'x/')(wanted(key(4_999)), 10_000)).toEqual({
				kind: 'candidates',
				keys: [key(4_999)],
			})
			expect(pages).toHaveLength(6)
			expect(pages.every((query) => !query.has('list-type'))).toBe(true)
			expect(pages[2]?.get('marker')).toBe(key(999))
		})

		it('lists at most 20 pages of 20,000 objects, and keeps no object in memory', async () => {
			const { url, pages } = await startBucketOf(20_000)
			const finding = await createFindObject(toClient(url), 'x/')(wanted('none'), 10_000)
			expect(pages).toHaveLength(20)
			expect(finding).toEqual({ kind: 'unreadable', reason: 'more than 20 pages of keys' })
		})

		it('sees all objects in 20 pages when the prefix is empty', async () => {
			const { url, pages } = await startBucketOf(20_000)
			expect(await createFindObject(toClient(url), '')(wanted('none'), 10_000)).toEqual({ kind: 'absent' })
			expect(pages).toHaveLength(20)
		})
	})
})
