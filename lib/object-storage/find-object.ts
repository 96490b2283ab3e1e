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
 * Looks for an exported file: in the folder of the request alone, if it has one. NCP does not document the key of a request
 * without a folder, so after the prefix the whole bucket is searched for keys whose last segment holds the file's name.
 */
export function createFindObject(client: S3Client, keyPrefix: string): FindObject {
	return async (wanted, timeoutMs) => {
		try {
			return await inTime(timeoutMs, (signal) =>
				wanted.folderPath === undefined
					? find(wanted, renderPrefix(keyPrefix, wanted), client, signal)
					: findInFolder(wanted, wanted.folderPath, renderPrefix(keyPrefix, wanted), client, signal),
			)
		} catch (error) {
			return { kind: 'unreadable', reason: describe(error, timeoutMs) }
		}
	}
}

async function find(wanted: Wanted, prefix: string, client: S3Client, signal: AbortSignal): Promise<Finding> {
	const look = createLook(wanted, client, signal)
	const first = await look(prefix)
	const { objects, isWhole } = first.objects.length > 0 || prefix === '' ? first : await look('')
	return toFound(objects, wanted) ?? toNothing(isWhole)
}

/**
 * NCP answers 0 also when it ignores `folderPath`. The file then lies where it would without a folder, among those of other
 * exports: it proves nothing, but nobody may say that the export was not done.
 */
async function findInFolder(
	wanted: Wanted,
	folderPath: string,
	prefix: string,
	client: S3Client,
	signal: AbortSignal,
): Promise<Finding> {
	const look = createLook(wanted, client, signal)
	const inside = await look(folderPath)
	const found = toFound(inside.objects, wanted)
	if (found !== null) return found
	const outside = await look(prefix)
	if (outside.objects.length > 0)
		return { kind: 'candidates', keys: toKeys(outside.objects).slice(0, MAX_CANDIDATES) }
	return toNothing(inside.isWhole && outside.isWhole)
}

function toFound(objects: readonly _Object[], { fileName }: Wanted): Finding | null {
	const best = [...objects].sort(byFit(fileName))[0]
	return best === undefined ? null : { kind: 'found', object: toArrived(best), candidates: toKeys(objects) }
}

function toNothing(isWhole: boolean): Finding {
	return isWhole ? { kind: 'absent' } : { kind: 'unreadable', reason: `more than ${MAX_PAGES} pages of keys` }
}

function toKeys(objects: readonly _Object[]): string[] {
	return objects.map(({ Key = '' }) => Key)
}

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
function createLook(wanted: Wanted, client: S3Client, abortSignal: AbortSignal) {
	let pages = 0
	return async (prefix: string): Promise<Look> => {
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
	return template
		.replaceAll('{fileName}', () => fileName)
		.replaceAll(`{${PRODUCTS[product].instanceField}}`, () => instanceNo)
}

/** Not empty, not older than the call, and its last segment contains the file's name. */
function isArrival(
	{ Key = '', Size = 0, LastModified }: _Object,
	{ fileName, notBeforeMs }: Wanted,
): boolean {
	if (Size === 0 || LastModified === undefined) return false
	return (
		holdsName(lastSegment(Key), lastSegment(fileName)) &&
		LastModified.getTime() >= notBeforeMs - CLOCK_TOLERANCE_MS
	)
}

/** As a whole word: `backup-10` does not contain `backup-1`. */
function holdsName(segment: string, name: string): boolean {
	const isWordCharacter = (character: string | undefined): boolean => /^[\p{L}\p{N}]$/u.test(character ?? '')
	for (let at = segment.indexOf(name); name !== '' && at >= 0; at = segment.indexOf(name, at + 1)) {
		if (!isWordCharacter(segment[at - 1]) && !isWordCharacter(segment[at + name.length])) return true
	}
	return false
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
