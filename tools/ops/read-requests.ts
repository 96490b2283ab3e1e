import { readFile } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import { RequestInvalid } from '../../lib/errors.ts'
import { parseStrictJson } from '../../lib/formats/json.ts'
import { type ExportRequest, parseExportRequest } from '../../lib/request/export-request.ts'
import { UsageError } from '../terminal/command-line.ts'
import { toPlain } from '../terminal/outcome-row.ts'
import { OpsError } from './ops-error.ts'

/**
 * Reads requests from a file, or from standard input for `-`: one JSON object, an array of them, or one object per line.
 * Throws `OpsError` with every problem and its place.
 */
export async function readRequests(path: string, signal: AbortSignal): Promise<ExportRequest[]> {
	const content =
		path === '-'
			? await text(addAbortSignal(signal, process.stdin))
			: await readFile(path, 'utf8').catch((error) => {
					throw new OpsError(`${path} cannot be read (${error.code})`)
				})
	const items = toItems(content)
	if (items.length === 0) throw new OpsError(`${path === '-' ? 'standard input' : path} holds no request`)
	const problems: string[] = []
	const requests = items.flatMap(({ place, value }) => {
		try {
			return [parseExportRequest(value())]
		} catch (error) {
			problems.push(`${place}: ${toPlain(error instanceof Error ? error.message : 'cannot be read')}`)
			return []
		}
	})
	if (problems.length > 0) throw new OpsError(`Nothing was sent.\n${shorten(problems).join('\n')}`)
	return requests
}

/** One request from command-line options. Throws `UsageError`. */
export function toRequest(fields: Record<string, string | undefined>): ExportRequest {
	try {
		return parseExportRequest(
			Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
		)
	} catch (error) {
		if (error instanceof RequestInvalid) throw new UsageError(`the request is not valid: ${error.message}`)
		throw error
	}
}

interface Item {
	/** Where it is in the input: "line 3". */
	place: string
	value: () => unknown
}

function toItems(content: string): Item[] {
	const whole = tryJson(content)
	if (Array.isArray(whole))
		return whole.map((each, index) => ({ place: `request ${index + 1}`, value: () => each }))
	if (whole !== undefined) return [{ place: 'request', value: () => whole }]
	return content
		.split('\n')
		.map((line, index) => ({ place: `line ${index + 1}`, line: line.trim() }))
		.filter(({ line }) => line !== '')
		.map(({ place, line }) => ({ place, value: () => parseStrictJson(line) }))
}

function tryJson(content: string): unknown {
	try {
		return parseStrictJson(content)
	} catch {
		// Not a single JSON value: read as one per line, where an error names its line.
		return undefined
	}
}

const MAX_LISTED = 20

function shorten(problems: readonly string[]): readonly string[] {
	const more = problems.length - MAX_LISTED
	return more <= 0 ? problems : [...problems.slice(0, MAX_LISTED), `… and ${more} more`]
}
