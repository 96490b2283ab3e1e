/** The known name that needs the fewest edits, whatever its case; null when none is close: by default, within a third of it. */
export function findNearest(name: string, known: readonly string[], maxEdits?: number): string | null {
	const distances = known.map((each) => countEdits(name.toLowerCase(), each.toLowerCase()))
	const fewest = Math.min(...distances)
	const nearest = known[distances.indexOf(fewest)]
	return nearest === undefined || fewest > (maxEdits ?? Math.ceil(nearest.length / 3)) ? null : nearest
}

/** Insertions, deletions and replacements of a character that make one text of the other (Levenshtein). */
function countEdits(from: string, to: string): number {
	let row = Array.from({ length: to.length + 1 }, (_, index) => index)
	for (let at = 1; at <= from.length; at++) {
		const next = [at]
		for (let index = 1; index <= to.length; index++) {
			const replaced = (row[index - 1] ?? 0) + (from[at - 1] === to[index - 1] ? 0 : 1)
			next.push(Math.min(replaced, (row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1))
		}
		row = next
	}
	return row.at(-1) ?? 0
}
