import { readFile } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import { RequestInvalid } from '../../lib/errors.ts'
import { parseStrictJson } from '../../lib/formats/json.ts'
import { type ExportRequest, parseExportRequest } from '../../lib/request/export-request.ts'
import { toPlain } from '../terminal/outcome-row.ts'
import { OpsError, OpsUsageError } from './ops-error.ts'

/** Requests from a file, or from standard input for `-`: one JSON object, a list of them, or one a line. Throws `OpsError` with every problem and its place. */
export async function readRequests(path: string, signal: AbortSignal): Promise<ExportRequest[]> {
	const content =
		path === '-'
			? await text(addAbortSignal(signal, process.stdin))
			: await readFile(path, 'utf8').catch((error) => {
					throw new OpsError(`${path} cannot be read (${error.code}).`)
				})
	const items = toItems(content)
	if (items.length === 0) throw new OpsError('There is no request in it.')
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

/** One request from flags. Throws `OpsUsageError`. */
export function toRequest(fields: Record<string, string | undefined>): ExportRequest {
	try {
		return parseExportRequest(
			Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
		)
	} catch (error) {
		if (error instanceof RequestInvalid) throw new OpsUsageError(`That is no request: ${error.message}.`)
		throw error
	}
}

interface Item {
	/** As a person would look for it. */
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
		// Not one JSON text: then it is one a line, and each line says what is wrong with it.
		return undefined
	}
}

const MAX_LISTED = 20

function shorten(problems: readonly string[]): readonly string[] {
	const more = problems.length - MAX_LISTED
	return more <= 0 ? problems : [...problems.slice(0, MAX_LISTED), `… and ${more} more`]
}
