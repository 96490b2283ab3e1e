import { type _Object, ListObjectsCommand, type S3Client } from '@aws-sdk/client-s3'
import { inTime } from '../deadline.ts'
import { cut } from '../errors.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { Listing, ListObjects } from '../ports.ts'

/** The most that S3 lists at once. */
const PAGE_KEYS = 1_000

/** That many keys, or four million characters. A larger bucket needs a folder, or a prefix that fits. */
export const MAX_KEYS = 20 * PAGE_KEYS
const MAX_KEY_CHARS = 4_000_000

/** Lists with version 1 and `marker`: NCP's pages contradict each other on version 2. */
export function createListObjects(client: S3Client): ListObjects {
	return async (bucketName, prefix, timeoutMs) => {
		try {
			return await inTime(timeoutMs, (signal) => listPages(client, bucketName, prefix, signal))
		} catch (error) {
			return { kind: 'unreadable', reason: describe(error, timeoutMs) }
		}
	}
}

/** Lists a bucket and prefix once, and gives everybody who asks again the same listing, or the same failure. */
export function shareListings(listObjects: ListObjects): ListObjects {
	const listings = new Map<string, Promise<Listing>>()
	return (bucketName, prefix, timeoutMs) => {
		const key = `${bucketName}/${prefix}`
		const listing = listings.get(key) ?? listObjects(bucketName, prefix, timeoutMs)
		listings.set(key, listing)
		return listing
	}
}

/** Throws for an answer that is not a listing, and what the SDK throws. */
async function listPages(
	client: S3Client,
	Bucket: string,
	Prefix: string,
	abortSignal: AbortSignal,
): Promise<Listing> {
	const objects: ArrivedObject[] = []
	let marker: string | undefined
	let chars = 0
	for (let pages = 0; pages < MAX_KEYS / PAGE_KEYS && chars < MAX_KEY_CHARS; pages++) {
		const input = { Bucket, Prefix, MaxKeys: PAGE_KEYS, Marker: marker }
		const page = await client.send(new ListObjectsCommand(input), { abortSignal })
		// A proxy's page parses to an empty listing; a real one names the bucket and says whether it is whole.
		if (page.Name !== Bucket || page.IsTruncated === undefined) throw new NotAListing()
		const contents = page.Contents ?? []
		objects.push(...contents.map(toArrived))
		for (const { Key = '' } of contents) chars += Key.length
		if (!page.IsTruncated) return { kind: 'listed', objects, isWhole: true }
		const next = page.NextMarker || contents.at(-1)?.Key
		// Truncated, but without a marker: the pages after this one cannot be read.
		if (next === undefined || next === marker) throw new NotAListing()
		marker = next
	}
	return { kind: 'listed', objects, isWhole: false }
}

class NotAListing extends Error {}

function describe(error: unknown, timeoutMs: number): string {
	if (error instanceof NotAListing) return 'the answer was not a list of objects'
	const name = error instanceof Error ? error.name : 'unknown'
	return name === 'TimeoutError' ? `not listed within ${timeoutMs} ms` : cut(name)
}

/** Without a time it proves nothing: it counts as the oldest. */
function toArrived({ Key = '', Size = 0, ETag = '', LastModified = new Date(0) }: _Object): ArrivedObject {
	return { key: Key, size: Size, etag: ETag.replaceAll('"', ''), lastModified: LastModified.toISOString() }
}
