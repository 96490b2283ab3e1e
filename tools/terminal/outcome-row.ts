import { stripVTControlCharacters, styleText } from 'node:util'
import type { OutcomeEvent, State } from '../../lib/outcome/outcome.ts'
import { fromApiRequest } from '../../lib/request/export-request.ts'
import { count } from './count.ts'

export type Style = Parameters<typeof styleText>[0]

const COLOURS: Readonly<Record<State, Style>> = {
	accepted: 'cyan',
	completed: 'green',
	missing: 'red',
	unverified: 'yellow',
	refused: 'red',
	rejected: 'red',
	unknown: 'yellow',
	exhausted: 'red',
}

const WIDTHS = [4, 8, 8, 10, 34] as const

/** Styles text if standard output is a terminal. Honours `NO_COLOR` and `FORCE_COLOR`. */
export function paint(style: Style, text: string): string {
	return styleText(style, text, { stream: process.stdout })
}

export function tableHead(): string {
	return paint('bold', toRow(['#', 'after', 'trigger', 'state', 'instance bucket/file', 'details']))
}

/** One outcome as a row. `startedMs` is when the first request was sent; `number` identifies the request. */
export function toOutcomeRow(
	{ subject, data }: OutcomeEvent,
	startedMs: number,
	number = '',
	isRepeat = false,
): string {
	const { state, trigger, request, reply, error } = data
	const tries = data.attempts > 1 ? `, attempt ${data.attempts}` : ''
	const seen =
		data.object === null
			? null
			: `found in the bucket: ${data.object.key}, ${count(data.object.size, 'byte')}`
	const known =
		seen ??
		error?.message ??
		`NCP said "${reply?.returnMessage ?? ''}", request ${reply?.requestId ?? '?'}${tries}`
	return toEventRow({
		number,
		startedMs,
		trigger: trigger.kind,
		state: paint(COLOURS[state], state),
		subject: request ? `${fromApiRequest(request).instanceNo} ${subject}` : '-',
		details: known,
		isRepeat,
	})
}

export interface EventRow {
	number: string
	/** When the first request was sent. */
	startedMs: number
	trigger: string
	state: string
	subject: string
	details: string
	isRepeat: boolean
}

/** An event that has just come, in the columns of `tableHead`. */
export function toEventRow({
	number,
	startedMs,
	trigger,
	state,
	subject,
	details,
	isRepeat,
}: EventRow): string {
	const again = isRepeat ? ' (repeated, same id)' : ''
	return toRow([
		number,
		toElapsed(Date.now() - startedMs),
		trigger,
		state,
		toPlain(subject),
		toPlain(details) + paint('dim', again),
	])
}

/** Fits its column for eleven days: tenths are of no use after so long. */
function toElapsed(ms: number): string {
	return ms < 1_000_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 1000)} s`
}

function toRow(cells: readonly string[]): string {
	return cells
		.map((cell, index) => pad(cell, WIDTHS[index] ?? 0))
		.join('  ')
		.trimEnd()
}

function pad(text: string, width: number): string {
	return text + ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length))
}

/** Removes escape sequences and control characters from text that others wrote. */
export function toPlain(text: string): string {
	return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}]/gu, ' ')
}
