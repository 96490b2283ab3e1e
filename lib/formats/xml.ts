import { XMLParser } from 'fast-xml-parser'

const parser = new XMLParser({
	ignoreAttributes: true,
	ignoreDeclaration: true,
	ignorePiTags: true,
	removeNSPrefix: true,
	// Ids such as "0012" must stay text.
	parseTagValue: false,
	// A DTD is refused below, so only predefined and numeric references are left, which never make the text longer.
	processEntities: {
		enabled: true,
		maxTotalExpansions: Number.POSITIVE_INFINITY,
		maxExpandedLength: 1024 * 1024,
	},
	htmlEntities: true,
})

/**
 * Every element becomes text, an object or, when repeated, an array.
 * Throws a plain Error for malformed text and for any document type, so no entity can be declared.
 */
export function parseXml(text: string): unknown {
	if (/<!DOCTYPE/i.test(text)) throw new Error('a document type is not allowed')
	// true: malformed text is refused instead of guessed at.
	const document: Readonly<Record<string, unknown>> = parser.parse(text, true)
	const [root, ...others] = Object.values(document)
	// The parser takes a second root when one of them is empty, and CDATA beside the root.
	if (others.length > 0 || Array.isArray(root)) throw new Error('there is more than one root element')
	return document
}
