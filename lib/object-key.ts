/** The folders before the name, with their last slash; empty for a key without folders. */
export function folderOf(key: string): string {
	return key.slice(0, key.lastIndexOf('/') + 1)
}

/** The name alone, without the folders before it and the slashes behind it. */
export function lastSegment(path: string): string {
	let end = path.length
	// Not with a regular expression: that takes quadratic time for a key of slashes.
	while (path[end - 1] === '/') end--
	return path.slice(path.lastIndexOf('/', end - 1) + 1, end)
}
