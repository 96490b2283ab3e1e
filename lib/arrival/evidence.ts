import { lastSegment } from '../object-key.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { Namesake } from '../ports.ts'
import { rowOf } from '../products.ts'
import { isSameHolder, isSameInstance, toHolder } from '../request/export-identity.ts'
import type { ExportRequest } from '../request/export-request.ts'

export const CLOCK_TOLERANCE_MS = 5 * 60 * 1000

/** An export whose object is looked for. */
export interface Wanted {
	request: ExportRequest
	/** Milliseconds since the epoch. An object that is more than five minutes older is another export's. */
	notBeforeMs: number
	/** True when no other instance may write to the export's destination. */
	isDestinationOurs: boolean
}

/** Each list is sorted by shortest name, then newest: the file's very name comes first. */
export interface Evidence {
	/** Each proves the export, unless another export may have put it there. */
	proofs: ArrivedObject[]
	candidates: ArrivedObject[]
}

/**
 * Weighs what a listing shows. An object with the file's name proves the export when it lies where it is expected and the
 * destination is the instance's, or when its key names the instance; otherwise it is a candidate.
 */
export function weigh(objects: readonly ArrivedObject[], wanted: Wanted, expectedPrefix: string): Evidence {
	const { request, isDestinationOurs } = wanted
	const isProof = ({ key }: ArrivedObject): boolean =>
		(isDestinationOurs && key.startsWith(expectedPrefix)) || namesInstance(key, request.instanceNo)
	const arrivals = objects.filter((object) => isArrival(object, wanted)).sort(byFit)
	return {
		proofs: arrivals.filter(isProof),
		candidates: arrivals.filter((object) => !isProof(object)),
	}
}

/**
 * File names of other exports that could have produced this key: longer names always; the request's own name unless the
 * object is where its folder says.
 */
export function namesOfRivals(key: string, { fileName, folderPath }: ExportRequest): string[] {
	const segment = lastSegment(key)
	const own = lastSegment(fileName)
	const isInOwnPlace = folderPath !== undefined && key.startsWith(folderPath + fileName)
	const ends = [...segment.matchAll(/[._-]/g)].map(({ index }) => index)
	const names = new Set([...ends, segment.length].map((end) => segment.slice(0, end)))
	return [...names].filter((name) => name.length > own.length || (name === own && !isInOwnPlace))
}

/**
 * Whether an export to this destination could have put the object at this key, which is taken for the request's. NCP may
 * ignore a folder, but puts no copy into a folder that was not asked for, nor under the number of another instance.
 */
export function isRival(namesake: Namesake, key: string, request: ExportRequest): boolean {
	const { instance, fileName, folderPath } = namesake
	const holder = toHolder(request)
	const isOurs = isSameInstance(instance, holder)
	const isOwn =
		isSameHolder(instance, holder) && fileName === request.fileName && folderPath === request.folderPath
	if (isOwn) return false
	if (folderPath !== undefined && key.startsWith(folderPath)) return true
	if (request.folderPath !== undefined && key.startsWith(request.folderPath)) return false
	return isOurs || !namesInstance(key, request.instanceNo)
}

export function renderPrefix(
	template: string,
	{ product, fileName, instanceNo }: Pick<ExportRequest, 'product' | 'fileName' | 'instanceNo'>,
): string {
	const values: Readonly<Record<string, string>> = {
		fileName,
		instanceNo,
		// Its older name.
		[rowOf(product).instanceField]: instanceNo,
	}
	// In one pass: a file name may hold braces.
	return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}

/** Not empty, not much older than the claim, and with the file's name. */
function isArrival({ key, size, lastModified }: ArrivedObject, { request, notBeforeMs }: Wanted): boolean {
	return (
		size > 0 &&
		hasName(lastSegment(key), lastSegment(request.fileName)) &&
		Date.parse(lastModified) >= notBeforeMs - CLOCK_TOLERANCE_MS
	)
}

/** The name alone, or followed by an ending: `20210528`, `20210528.tar.gz`, `20210528_1`; not `monthly-20210528`. */
export function hasName(segment: string, name: string): boolean {
	if (name === '' || !segment.startsWith(name)) return false
	return segment.length === name.length || /^[._-]./su.test(segment.slice(name.length))
}

/** As a whole folder name: the last segment is the file's, and a file may be named with the same digits. */
export function namesInstance(key: string, instanceNo: string): boolean {
	return key.split('/').slice(0, -1).includes(instanceNo)
}

function byFit(a: ArrivedObject, b: ArrivedObject): number {
	const length = ({ key }: ArrivedObject): number => lastSegment(key).length
	const time = ({ lastModified }: ArrivedObject): number => Date.parse(lastModified)
	return length(a) - length(b) || time(b) - time(a)
}
