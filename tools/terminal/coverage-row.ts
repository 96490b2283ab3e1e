import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { count } from './count.ts'
import { paint, type Style, toEventRow, toOutcomeRow } from './outcome-row.ts'

/** What is on the topic. */
export type PublishedEvent = OutcomeEvent | CoverageEvent

export function isCoverageEvent(event: PublishedEvent): event is CoverageEvent {
	return event.type === 'ncp.backup.coverage.v1'
}

export type Counts = CoverageEvent['data']['counts']

type BackupState = CoverageEvent['data']['backups'][number]['state']

/** In the order in which they are named. */
const STATES = [
	{ name: 'covered', words: 'covered', field: 'covered', style: 'green' },
	{ name: 'due', words: 'due', field: 'due', style: 'yellow' },
	{ name: 'under-way', words: 'under way', field: 'underWay', style: 'cyan' },
	{ name: 'failing', words: 'failing', field: 'failing', style: 'red' },
	{ name: 'gone', words: 'gone', field: 'gone', style: 'red' },
	{ name: 'running', words: 'running', field: 'running', style: 'dim' },
] as const satisfies readonly { name: BackupState; words: string; field: keyof Counts; style: Style }[]

/** The state of a backup, or text about it, in the colour of that state. */
export function paintState(state: BackupState, text: string): string {
	const { style } = STATES.find(({ name }) => name === state) ?? { style: 'dim' }
	return paint(style, text)
}

/** "8 backups: 5 covered, 2 due, 1 failing". States that no backup is in are left out. */
export function toCountsText(all: readonly Counts[]): string {
	const numberOf = (field: keyof Counts): number => all.reduce((sum, counts) => sum + counts[field], 0)
	const parts = STATES.map(({ field, words }) => ({ number: numberOf(field), words }))
	const total = parts.reduce((sum, { number }) => sum + number, 0)
	const named = parts.filter(({ number }) => number > 0).map(({ number, words }) => `${number} ${words}`)
	return [count(total, 'backup'), ...(named.length === 0 ? [] : [named.join(', ')])].join(': ')
}

/** One event from the topic as a row: an outcome, or the coverage of an instance. */
export function toPublishedRow(event: PublishedEvent, startedMs: number, isRepeat = false): string {
	return isCoverageEvent(event)
		? toCoverageRow(event, startedMs, isRepeat)
		: toOutcomeRow(event, startedMs, '', isRepeat)
}

function toCoverageRow({ subject, data }: CoverageEvent, startedMs: number, isRepeat: boolean): string {
	return toEventRow({
		number: '',
		startedMs,
		trigger: 'coverage',
		state: paint(data.state === 'covered' ? 'green' : 'red', data.state),
		subject: `${data.instanceNo} ${subject}`,
		details: `${toCountsText([data.counts])} (policy ${data.policy})`,
		isRepeat,
	})
}
