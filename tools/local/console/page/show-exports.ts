import type { ExportsWindow, ListedExport } from '../journal.ts'
import { type RowState, STATE_WORDS } from '../words.ts'
import { byId, make, makeButton, setText, showList } from './dom.ts'
import { makeStateBadge } from './show-state.ts'

interface Shown {
	row: ListedExport
	isSelected: boolean
}

/** `onSelect` gets the id of the export that was chosen. */
export function showExports(
	{ rows, total, matching }: ExportsWindow,
	selectedId: string | null,
	onSelect: (id: string) => void,
): void {
	const shown = rows.map((row) => ({ row, isSelected: row.id === selectedId }))
	showList(
		byId('exports'),
		shown,
		({ row }) => row.id,
		(each) => makeRow(each, onSelect),
	)
	setText(byId('exports-note'), describe(rows.length, total, matching))
}

function describe(shown: number, total: number, matching: number): string {
	if (total === 0) return 'None yet. Press “Try it”, or send a request: it appears here.'
	if (matching === 0) return 'No export matches. Clear the state and the search to see all.'
	return matching > shown ? `The newest ${shown} of ${matching} exports. Search to see others.` : ''
}

function makeRow({ row, isSelected }: Shown, onSelect: (id: string) => void): HTMLElement {
	const { id, state, request, trigger, attempts, firstSeenMs } = row
	const file = request?.path ?? '(not known yet)'
	const select = makeButton(file, () => onSelect(id), {
		class: 'link',
		'data-focus': id,
		...(isSelected ? { 'aria-current': 'true' } : {}),
	})
	// A long name is broken between folder and file.
	const [first = '', ...others] = file.split('/')
	select.replaceChildren(first, ...others.flatMap((part) => ['/', make('wbr'), part]))
	const tr = make(
		'tr',
		isSelected ? { class: 'selected' } : {},
		make('td', {}, makeStateBadge(state)),
		make('td', {}, request?.instanceNo ?? '–'),
		make('td', {}, select),
		make('td', {}, trigger?.kind ?? '–'),
		make('td', { class: 'number' }, String(attempts)),
		make('td', { class: 'number', 'data-since': String(firstSeenMs) }),
	)
	tr.addEventListener('click', ({ target }) => {
		if (target !== select) onSelect(id)
	})
	return tr
}

/** The states to filter by, and what they mean. */
export function fillStates(): void {
	const states = Object.keys(STATE_WORDS) as RowState[]
	byId('state').append(...states.map((state) => make('option', { value: state }, state)))
	const meanings = states.flatMap((state) => [
		make('dt', {}, makeStateBadge(state)),
		make('dd', {}, STATE_WORDS[state].meaning),
	])
	byId('meanings').append(...meanings)
}
