import { XMLParser } from 'fast-xml-parser'

const parser = new XMLParser({
	ignoreAttributes: true,
	// Ids such as "0012" must stay text.
	parseTagValue: false,
	// With a DTD refused below, only the five predefined entities are left to expand.
	processEntities: { enabled: true, maxTotalExpansions: 1_000, maxExpandedLength: 10_000 },
})

/**
 * Every element becomes text, an object or, when repeated, an array.
 * Throws a plain Error for malformed text and for any document type, so no entity can be declared.
 */
export function parseXml(text: string): unknown {
	if (/<!DOCTYPE/i.test(text)) throw new Error('a document type is not allowed')
	// true: malformed text is refused instead of guessed at.
	return parser.parse(text, true)
}
