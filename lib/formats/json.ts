/** Deeper than any request with its envelopes, and shallow enough for every other JSON parser. */
const MAX_DEPTH = 32

/**
 * Parses JSON that every parser reads the same way. Throws a plain Error, whose message quotes a field's name at most, for
 * text that is not JSON, names a field twice, or nests deeper than 32. A number that would lose digits becomes NaN, which no
 * schema accepts.
 */
export function parseStrictJson(text: string): unknown {
	// First, since the other steps recurse or keep a stack.
	checkDepth(text)
	const value = parse(text)
	checkNames(text)
	return value
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text, refuseLossyNumber)
	} catch {
		// The parser's own message would quote the text.
		throw new Error('is not JSON')
	}
}

/** 1e3, 1.0 and 9007199254740991.4 would become numbers with other digits. */
function refuseLossyNumber(_name: string, value: unknown, context?: { source: string }): unknown {
	return typeof value === 'number' && context !== undefined && String(value) !== context.source
		? Number.NaN
		: value
}

/**
 * Matches whole strings, and the punctuation between them. A string without an end matches up to the end of the text: if the
 * match failed instead, 256 KiB of quotation marks would take minutes.
 */
const TOKENS = /"(?:[^"\\]|\\[\s\S])*"?|[{}[\]:]/g

function checkDepth(text: string): void {
	let depth = 0
	for (const [token] of text.matchAll(TOKENS)) {
		if (token === '{' || token === '[') depth++
		else if (token === '}' || token === ']') depth--
		if (depth > MAX_DEPTH) throw new Error(`is nested deeper than ${MAX_DEPTH}`)
	}
}

/** Refuses an object that names a field twice: `JSON.parse` would silently keep the last value. */
function checkNames(text: string): void {
	/** One entry for each open bracket: the names of an object, or null for a list. */
	const open: (Set<string> | null)[] = []
	let last = ''
	for (const [token] of text.matchAll(TOKENS)) {
		if (token === '{' || token === '[') {
			open.push(token === '{' ? new Set() : null)
		} else if (token === '}' || token === ']') {
			open.pop()
		} else if (token === ':') {
			addName(open.at(-1), last)
		} else {
			last = token
		}
	}
}

function addName(names: Set<string> | null | undefined, token: string): void {
	const name = JSON.parse(token) as string
	if (names?.has(name)) throw new Error(`names "${name.slice(0, 80).toWellFormed()}" twice`)
	names?.add(name)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of a JSON object; null for any other text. Never throws: the parser's own message would quote the text. */
export function parseRecord(text: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(text)
		return isRecord(value) ? value : null
	} catch {
		return null
	}
}

/** JSON in characters that SNS and SQS take: they refuse U+FFFE and U+FFFF, which JSON leaves unescaped. */
export function toQueueableJson(value: unknown): string {
	return JSON.stringify(value).replace(
		/[\uFFFE\uFFFF]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16)}`,
	)
}
