import { type _Object, ListObjectsCommand, type S3Client } from '@aws-sdk/client-s3'
import { inTime } from '../deadline.ts'
import { cut } from '../errors.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { Finding, FindObject, Wanted } from '../ports.ts'
import { PRODUCTS } from '../products.ts'

/** For both listings together: 20,000 keys. A larger bucket needs a prefix that fits. */
const MAX_PAGES = 20
/** As many as an event names. */
const MAX_CANDIDATES = 10

const CLOCK_TOLERANCE_MS = 5 * 60 * 1000

/**
 * Looks for an exported file where it is expected: in the folder of its request, else under the key prefix. What lies there
 * with its name proves the export. Elsewhere only a key with the instance's number does, and other objects with the name are
 * candidates. Without a folder the whole bucket is searched, since NCP does not document where the file lands. With one,
 * only the key prefix is searched as well: there the file lies if NCP ignored the folder, which it does not report.
 */
export function createFindObject(client: S3Client, keyPrefix: string): FindObject {
	return async (wanted, timeoutMs) => {
		const prefix = renderPrefix(keyPrefix, wanted)
		const { folderPath } = wanted
		try {
			return await inTime(timeoutMs, (signal) => {
				const look = createLook(wanted, client, signal)
				return folderPath === undefined
					? find(wanted, look, prefix, '')
					: find(wanted, look, folderPath, prefix)
			})
		} catch (error) {
			return { kind: 'unreadable', reason: describe(error, timeoutMs) }
		}
	}
}

async function find(wanted: Wanted, look: LookUnder, expected: string, elsewhere: string): Promise<Finding> {
	const there = await look(expected)
	if (there.objects.length > 0) return toFound(there.objects, wanted)
	const others = expected === elsewhere ? there : await look(elsewhere)
	const named = others.objects.filter(({ Key = '' }) => namesInstance(Key, wanted.instanceNo))
	if (named.length > 0) return toFound(named, wanted)
	if (others.objects.length > 0)
		return { kind: 'candidates', keys: toKeys(others.objects).slice(0, MAX_CANDIDATES) }
	if (there.isWhole && others.isWhole) return { kind: 'absent' }
	return { kind: 'unreadable', reason: `more than ${MAX_PAGES} pages of keys` }
}

/** As a whole folder name: the last segment is the file's, and a file may be named with the same digits. */
function namesInstance(key: string, instanceNo: string): boolean {
	return key.split('/').slice(0, -1).includes(instanceNo)
}

function toFound(objects: readonly _Object[], { fileName }: Wanted): Finding {
	const [best = {}] = [...objects].sort(byFit(fileName))
	return { kind: 'found', object: toArrived(best), candidates: toKeys(objects) }
}

function toKeys(objects: readonly _Object[]): string[] {
	return objects.map(({ Key = '' }) => Key)
}

type LookUnder = (prefix: string) => Promise<Look>

interface Look {
	/** Only the objects that count, so that a full bucket costs no memory. */
	objects: _Object[]
	/** False when there were more pages than may be read. */
	isWhole: boolean
}

/**
 * Lists what is under a prefix; all prefixes together share the pages. ListObjects version 1 with `marker`: NCP's pages
 * contradict each other on version 2. Throws for an answer that is not a listing, and what the SDK throws.
 */
function createLook(wanted: Wanted, client: S3Client, abortSignal: AbortSignal): LookUnder {
	let pages = 0
	return async (prefix) => {
		const objects: _Object[] = []
		let marker: string | undefined
		while (pages < MAX_PAGES) {
			pages++
			const input = { Bucket: wanted.bucketName, Prefix: prefix, MaxKeys: 1_000, Marker: marker }
			const page = await client.send(new ListObjectsCommand(input), { abortSignal })
			// A proxy's page parses to an empty listing; a real one names the bucket and says whether it is whole.
			if (page.Name !== wanted.bucketName || page.IsTruncated === undefined) throw new NotAListing()
			const contents = page.Contents ?? []
			objects.push(...contents.filter((object) => isArrival(object, wanted)))
			if (!page.IsTruncated) return { objects, isWhole: true }
			const next = page.NextMarker || contents.at(-1)?.Key
			// Truncated, but without a marker: the pages after this one cannot be read.
			if (next === undefined || next === marker) throw new NotAListing()
			marker = next
		}
		return { objects, isWhole: false }
	}
}

class NotAListing extends Error {}

function describe(error: unknown, timeoutMs: number): string {
	if (error instanceof NotAListing) return 'the answer was not a list of objects'
	const name = error instanceof Error ? error.name : 'unknown'
	return name === 'TimeoutError' ? `not listed within ${timeoutMs} ms` : cut(name)
}

function renderPrefix(template: string, { product, fileName, instanceNo }: Wanted): string {
	return (
		template
			.replaceAll('{fileName}', () => fileName)
			.replaceAll('{instanceNo}', () => instanceNo)
			// Its older name.
			.replaceAll(`{${PRODUCTS[product].instanceField}}`, () => instanceNo)
	)
}

/** Not empty, not older than the request, and with the file's name. */
function isArrival(
	{ Key = '', Size = 0, LastModified }: _Object,
	{ fileName, notBeforeMs }: Wanted,
): boolean {
	if (Size === 0 || LastModified === undefined) return false
	return (
		hasName(lastSegment(Key), lastSegment(fileName)) &&
		LastModified.getTime() >= notBeforeMs - CLOCK_TOLERANCE_MS
	)
}

/** The name alone, or followed by an ending: `20210528`, `20210528.tar.gz`, `20210528_1`; not `monthly-20210528`. */
function hasName(segment: string, name: string): boolean {
	if (name === '' || !segment.startsWith(name)) return false
	return segment.length === name.length || /^[._-]./su.test(segment.slice(name.length))
}

/** The file's very name first, then the newest. */
function byFit(fileName: string) {
	const isExact = ({ Key = '' }: _Object): number => Number(lastSegment(Key) === lastSegment(fileName))
	const time = ({ LastModified }: _Object): number => LastModified?.getTime() ?? 0
	return (a: _Object, b: _Object): number => isExact(b) - isExact(a) || time(b) - time(a)
}

function lastSegment(key: string): string {
	const path = key.replace(/\/+$/, '')
	return path.slice(path.lastIndexOf('/') + 1)
}

function toArrived({ Key = '', Size = 0, ETag = '', LastModified }: _Object): ArrivedObject {
	return {
		key: Key,
		size: Size,
		etag: ETag.replaceAll('"', ''),
		lastModified: LastModified?.toISOString() ?? '',
	}
}
