/** A number with its noun: `1 message`, `2 messages`. The plural is the noun with an s, unless it is given. */
export function count(number: number, one: string, many = `${one}s`): string {
	return `${number} ${number === 1 ? one : many}`
}
