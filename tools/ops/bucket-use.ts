import { hasName } from '../../lib/arrival/evidence.ts'
import { lastSegment } from '../../lib/object-key.ts'
import type { ArrivedObject } from '../../lib/outcome/outcome.ts'
import { count } from '../terminal/count.ts'

/** A place in the bucket that an instance asked for, as the table keeps it. */
export interface Asked {
	/** `{product}/{region}/{number}`. */
	instance: string
	folderPath: string | undefined
	fileName: string
}

export interface Advice {
	result: 'ok' | 'warning'
	words: string
}

/** What is there of the files that were asked for, and what fits how NCP places them. Pure. */
export function adviseOnBucket(asked: readonly Asked[], objects: readonly ArrivedObject[]): Advice {
	if (asked.length === 0) return { result: 'ok', words: 'no export into it in the last 60 days' }
	const without = asked.filter(({ folderPath }) => folderPath === undefined)
	const within = asked.filter(({ folderPath }) => folderPath !== undefined)
	const advice = [
		...adviseOnSharing(without),
		...adviseOnPrefix(without, objects),
		...adviseOnFolders(within, objects),
	]
	return {
		result: advice.some(({ result }) => result === 'warning') ? 'warning' : 'ok',
		words: advice.map(({ words }) => words).join('; '),
	}
}

/** Three are enough to know what is meant. */
const MAX_NAMED = 3

function adviseOnSharing(without: readonly Asked[]): Advice[] {
	const instances = [...new Set(without.map(({ instance }) => instance))].sort()
	if (instances.length < 2) return []
	const more = instances.length > MAX_NAMED ? ' …' : ''
	const named = `${instances.slice(0, MAX_NAMED).map(toNumber).join(', ')}${more}`
	return [
		{
			result: 'warning',
			words:
				`${instances.length} instances export into it without a folder (${named}), and unless destinations are shared, only ` +
				'the first to request a file name gets it: deploy with folderPath={instanceNo}/, or give each instance a bucket',
		},
	]
}

/** The prefix under which most of the files lie that were asked for without a folder. */
function adviseOnPrefix(without: readonly Asked[], objects: readonly ArrivedObject[]): Advice[] {
	if (without.length === 0) return []
	const places = without.flatMap((each) => placesOf(each, objects).slice(0, 1))
	const files = `found ${places.length} of ${count(without.length, 'file name')} requested without a folder`
	if (places.length === 0) return [{ result: 'ok', words: files }]
	const counts = new Map<string, number>()
	for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1)
	const [[best = '', most = 0] = []] = [...counts].sort(([, a], [, b]) => b - a)
	const all = places.length === 1 ? 'it' : 'them'
	const fits = most === places.length ? `fits ${all}` : `fits ${most} of them`
	return [{ result: 'ok', words: `${files}; ARRIVAL_KEY_PREFIX ${best}{fileName} ${fits}` }]
}

function adviseOnFolders(within: readonly Asked[], objects: readonly ArrivedObject[]): Advice[] {
	if (within.length === 0) return []
	const found = within.map(({ folderPath = '', ...file }) => {
		const keys = keysOf(file, objects)
		return keys.some((key) => key.startsWith(folderPath))
			? 'in place'
			: keys.length > 0
				? 'elsewhere'
				: 'nowhere'
	})
	const numberOf = (place: (typeof found)[number]): number => found.filter((each) => each === place).length
	const words = `in the requested folder: ${numberOf('in place')} of ${count(within.length, 'file')}`
	if (numberOf('in place') > 0 || numberOf('elsewhere') === 0) return [{ result: 'ok', words }]
	return [
		{
			result: 'warning',
			words: `${words}, elsewhere: ${numberOf('elsewhere')}. NCP seems to ignore folderPath here; give each instance a bucket`,
		},
	]
}

/** Where the objects with the file's name lie, as prefixes in which the instance's number is a variable. */
function placesOf(asked: Asked, objects: readonly ArrivedObject[]): string[] {
	return keysOf(asked, objects).map((key) => {
		const folders = key.split('/').slice(0, -1)
		const number = toNumber(asked.instance)
		return folders.map((folder) => `${folder === number ? '{instanceNo}' : folder}/`).join('')
	})
}

function keysOf({ fileName }: Pick<Asked, 'fileName'>, objects: readonly ArrivedObject[]): string[] {
	const name = lastSegment(fileName)
	return objects.filter(({ key, size }) => size > 0 && hasName(lastSegment(key), name)).map(({ key }) => key)
}

function toNumber(instance: string): string {
	return instance.slice(instance.lastIndexOf('/') + 1)
}
