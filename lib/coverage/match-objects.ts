import { CLOCK_TOLERANCE_MS } from '../arrival/evidence.ts'
import { lastSegment } from '../object-key.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { ListedBackup } from '../ports.ts'

export interface Matches {
	/** By file name, the objects that can be the copy of a finished backup: the one with its very name first, then the newest. */
	copies: ReadonlyMap<string, readonly ArrivedObject[]>
	/** Objects that have the name of no backup of the list. */
	unknownObjects: number
}

/**
 * Assigns the objects of an instance's folder to its backups by name: the file's name alone, or followed by `.`, `-` or `_`
 * and more. An object belongs to the longest name that fits, so `20210528-1` is no copy of `20210528` when both are listed.
 * An object that is empty, or older than the end of its backup (5 minutes of tolerance), is no copy.
 */
export function matchObjects(
	backups: readonly ListedBackup[],
	objects: readonly ArrivedObject[],
	folderPath: string,
): Matches {
	const byName = Map.groupBy(backups, ({ fileName }) => lastSegment(fileName))
	const copies = new Map<string, ArrivedObject[]>()
	let unknownObjects = 0
	for (const object of objects) {
		if (isFolder(object)) continue
		const backup = findBackup(object.key, byName, folderPath)
		if (backup === null) unknownObjects++
		else if (isCopy(object, backup))
			copies.set(backup.fileName, [...(copies.get(backup.fileName) ?? []), object])
	}
	for (const each of copies.values()) each.sort(byFit)
	return { copies, unknownObjects }
}

function findBackup(
	key: string,
	byName: ReadonlyMap<string, readonly ListedBackup[]>,
	folderPath: string,
): ListedBackup | null {
	const segment = lastSegment(key)
	const ends = [...segment.matchAll(/[._-](?=.)/gsu)].map(({ index }) => index)
	for (const end of [segment.length, ...ends.reverse()]) {
		const [backup, ...others] = byName.get(segment.slice(0, end)) ?? []
		if (backup === undefined) continue
		if (others.length === 0) return backup
		// Names that differ only in folders before them: the whole path decides.
		return [backup, ...others].find(({ fileName }) => key.startsWith(folderPath + fileName)) ?? null
	}
	return null
}

/** Tools that make folders in a bucket, such as consoles, keep one as an empty object. */
function isFolder({ key, size }: ArrivedObject): boolean {
	return size === 0 && key.endsWith('/')
}

function isCopy({ size, lastModified }: ArrivedObject, { endedAtMs }: ListedBackup): boolean {
	return endedAtMs !== null && size > 0 && Date.parse(lastModified) >= endedAtMs - CLOCK_TOLERANCE_MS
}

function byFit(a: ArrivedObject, b: ArrivedObject): number {
	const length = ({ key }: ArrivedObject): number => lastSegment(key).length
	return length(a) - length(b) || Date.parse(b.lastModified) - Date.parse(a.lastModified)
}
