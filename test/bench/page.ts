import { paint } from '../../tools/terminal/outcome-row.ts'

export interface Row {
	title: string
	cells: readonly string[]
}

export interface Target {
	text: string
	figure: number
	/** Inclusive. A change that goes beyond it makes things worse. */
	limit: number
	/** Where we would like to be, if that is further: see docs/performance.md. */
	goal?: number
}

/** A section of the page: figures and their targets. */
export interface Section {
	heading: string
	columns: readonly string[]
	rows: readonly Row[]
	targets: readonly Target[]
}

export function toText({ heading, columns, rows, targets }: Section): string {
	const lines = [
		paint('bold', toLine({ title: heading, cells: columns })),
		...rows.map(({ title, cells }) => toLine({ title: `  ${title}`, cells })),
		...targets.map(toVerdict),
	]
	return `${lines.join('\n')}\n`
}

/** NaN counts as missed: a missing figure meets no target. */
export function isMet({ figure, limit }: Target): boolean {
	return figure <= limit
}

function toVerdict(target: Target): string {
	const { text, figure, limit, goal } = target
	const wished =
		goal === undefined ? '' : `goal ${goal.toFixed(2)}${figure <= goal ? ', reached' : ', not reached'}`
	const verdict = isMet(target) ? paint('green', 'ok  ') : paint('red', 'OVER')
	return `  ${verdict} ${toLine({ title: text, cells: [figure.toFixed(2), `at most ${limit.toFixed(2)}`] }, 39)}  ${wished}`.trimEnd()
}

function toLine({ title, cells }: Row, width = 46): string {
	return title.padEnd(width) + cells.map((cell) => cell.padStart(15)).join('')
}
