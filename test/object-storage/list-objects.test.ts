import { createServer } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createListObjects, shareListings } from '../../lib/object-storage/list-objects.ts'
import type { Listing } from '../../lib/ports.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { close, listen } from '../../tools/local/listen.ts'

let aws: EmbeddedAws
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

const list = (bucket: string, prefix: string, url = aws.endpoint, timeoutMs = 10_000) =>
	createListObjects(toClient(url))(bucket, prefix, timeoutMs)

const keysOf = (listing: Listing) =>
	listing.kind === 'listed' ? listing.objects.map(({ key }) => key) : listing.reason

describe('createListObjects', () => {
	it('lists what is under a prefix, with size, ETag and time', async () => {
		await aws.createBucket('bucket-1')
		for (const key of ['a/1', 'a/2', 'b/1']) await aws.putObject('bucket-1', key, 'backup')
		const listing = await list('bucket-1', 'a/')
		expect(listing).toEqual({
			kind: 'listed',
			objects: ['a/1', 'a/2'].map((key) => ({
				key,
				size: 6,
				etag: expect.stringMatching(/^[0-9a-f]{32}$/),
				lastModified: expect.stringMatching(/Z$/),
			})),
			isWhole: true,
		})
		expect(keysOf(await list('bucket-1', ''))).toEqual(['a/1', 'a/2', 'b/1'])
	})

	it('returns "unreadable", not an empty listing, when there is no such bucket', async () => {
		expect(await list('bucket-none', '')).toEqual({ kind: 'unreadable', reason: 'NoSuchBucket' })
	})

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
		expect(await list('b-1', '', url)).toEqual({ kind: 'unreadable', reason })
	})

	it('returns "unreadable" when there is no answer', async () => {
		expect(await list('b-1', '', 'http://127.0.0.1:1')).toMatchObject({ kind: 'unreadable' })
	})

	it('returns "unreadable" as soon as its time is up', async () => {
		const server = createServer(() => undefined)
		const url = await listen(server)
		cleanups.push(() => close(server))
		const started = performance.now()
		expect(await list('b-1', '', url, 100)).toEqual({
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
				const from = query.get('marker') ? Number(query.get('marker')?.slice(1)) + 1 : 0
				const to = Math.min(count, from + 1_000)
				const contents = Array.from(
					{ length: to - from },
					(_, n) =>
						`<Contents><Key>${key(from + n)}</Key><Size>1</Size><LastModified>2026-11-23T00:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>`,
				)
				response.writeHead(200, { 'content-type': 'application/xml' })
				response.end(
					`<ListBucketResult><Name>b-1</Name><IsTruncated>${to < count}</IsTruncated>${contents.join('')}</ListBucketResult>`,
				)
			})
			const url = await listen(server)
			cleanups.push(() => close(server))
			return { url, pages, key }
		}

		it('lists with version 1 and a marker, up to the last object', async () => {
			const { url, pages, key } = await startBucketOf(5_000)
			const keys = keysOf(await list('b-1', '', url))
			expect(keys).toHaveLength(5_000)
			expect(keys.at(-1)).toBe(key(4_999))
			expect(pages).toHaveLength(5)
			expect(pages.every((query) => !query.has('list-type'))).toBe(true)
			expect(pages[2]?.get('marker')).toBe(key(1_999))
		})

		it.each([
			[20_000, true],
			[20_001, false],
		])('reads 20 pages of %i objects, and says whether these are all: %s', async (count, isWhole) => {
			const { url, pages } = await startBucketOf(count)
			expect(await list('b-1', '', url)).toMatchObject({ kind: 'listed', isWhole })
			expect(pages).toHaveLength(20)
		})
	})
})

describe('shareListings', () => {
	it('lists a bucket and prefix once, however many ask at the same time', async () => {
		const calls: string[] = []
		const listObjects = shareListings(async (bucketName, prefix) => {
			calls.push(`${bucketName} ${prefix}`)
			return { kind: 'unreadable', reason: `${calls.length}` }
		})
		const asked = [
			['b-1', ''],
			['b-1', ''],
			['b-1', 'a/'],
			['b-2', ''],
		] as const
		const listings = await Promise.all(asked.map(([bucket, prefix]) => listObjects(bucket, prefix, 1_000)))
		expect(calls).toEqual(['b-1 ', 'b-1 a/', 'b-2 '])
		expect(listings[1]).toBe(listings[0])
	})
})
