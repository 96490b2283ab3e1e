import { isRecord } from '../request/export-request.ts'

/** The fields of a JSON object; null for any other text. Never throws: the parser's words would quote the text. */
export function parseRecord(text: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(text)
		return isRecord(value) ? value : null
	} catch {
		return null
	}
}
