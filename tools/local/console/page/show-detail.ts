import type { StepTimes } from '../../../../lib/step-times.ts'
import type { ExportRow, TimelineItem } from '../export-row.ts'
import type { Way } from '../send-request.ts'
import { STATE_WORDS } from '../words.ts'
import { toSpan, toTime } from './cloud-clock.ts'
import { byId, make, makeButton, showList } from './dom.ts'
import type { Detail } from './server-calls.ts'
import { makeStateBadge } from './show-state.ts'

/** What the panel is made of, from top to bottom; each part is made anew only when it has changed. */
type Part =
	| { kind: 'empty' }
	| { kind: 'head'; row: Omit<ExportRow, 'timeline' | 'changedMs'> }
	| { kind: 'timeline'; id: string }
	| { kind: 'entry'; detail: Omit<Detail, 'row'> }

export type SendAgain = (request: object, way: Way) => void

export function showDetail(detail: Detail | null, sendAgain: SendAgain): void {
	const body = byId('detail-body')
	if (detail === null) {
		showList<Part>(body, [{ kind: 'empty' }], ({ kind }) => kind, makeEmpty)
		return
	}
	const { row, ...rest } = detail
	const { timeline, changedMs: _changed, ...head } = row
	const parts: Part[] = [
		{ kind: 'head', row: head },
		{ kind: 'timeline', id: row.id },
		{ kind: 'entry', detail: rest },
	]
	showList(
		body,
		parts,
		({ kind }) => kind,
		(part) => makePart(part, sendAgain),
	)
	const list = byId('timeline')
	const startMs = timeline[0]?.atMs ?? row.firstSeenMs
	showList(
		list,
		toKeyed(timeline),
		({ key }) => key,
		({ item }) => makeItem(item, startMs),
	)
}

function makePart(part: Part, sendAgain: SendAgain): HTMLElement {
	switch (part.kind) {
		case 'empty':
			return makeEmpty()
		case 'head':
			return makeHead(part.row, sendAgain)
		case 'timeline':
			return make(
				'div',
				{},
				make('h3', {}, 'Timeline'),
				make('ol', { id: 'timeline', class: 'timeline', 'aria-label': 'Timeline' }),
			)
		case 'entry':
			return makeEntry(part.detail)
	}
}

function makeEmpty(): HTMLElement {
	return make(
		'p',
		{ class: 'hint' },
		'Press “Try it”, or choose an export in the list. Every delivery, call, look into the bucket and outcome of it appears here, as it happens.',
	)
}

function makeHead(
	{ id, state, request, trigger, attempts, calls, performed, leaseUntilMs }: (Part & { kind: 'head' })['row'],
	sendAgain: SendAgain,
): HTMLElement {
	const isClaimed = state === 'claimed' && leaseUntilMs > 0
	const facts: [string, string][] = [
		['Instance', request?.instanceNo ?? 'not known yet'],
		['Goes to', request === null ? 'not known yet' : `${request.bucketName}/${request.path}`],
		['Asked for by', trigger?.kind ?? 'not known yet'],
		['Attempts', String(attempts)],
		...(isClaimed ? ([['Claim ends at', toTime(leaseUntilMs)]] as [string, string][]) : []),
		['Export id', id],
	]
	const again = (['queue', 'webhook', 'pipeline'] as const).map((way) =>
		makeButton(way, () => sendAgain(request?.api ?? {}, way), { 'data-focus': `again-${way}` }),
	)
	return make(
		'div',
		{},
		make('p', { class: 'state' }, makeStateBadge(state)),
		make('p', {}, STATE_WORDS[state].meaning),
		make(
			'p',
			{ class: 'verdict' },
			'NCP was called ',
			make('strong', { id: 'calls' }, times(calls)),
			' for it, and exported it ',
			make('strong', { id: 'performed' }, times(performed)),
			'.',
		),
		make('dl', {}, ...facts.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])),
		request === null
			? null
			: make(
					'div',
					{ class: 'buttons', role: 'group', 'aria-label': 'Send it again' },
					make('span', {}, 'Send it again by'),
					...again,
				),
	)
}

function times(number: number): string {
	return number === 1 ? 'once' : `${number} times`
}

interface Keyed {
	key: string
	item: TimelineItem
}

/** Two items may look alike. */
function toKeyed(timeline: readonly TimelineItem[]): Keyed[] {
	const seen = new Map<string, number>()
	return timeline.map((item) => {
		const name = `${item.atMs}/${item.kind}/${item.title}`
		const nth = (seen.get(name) ?? 0) + 1
		seen.set(name, nth)
		return { key: `${name}/${nth}`, item }
	})
}

const KINDS: Readonly<Record<TimelineItem['kind'], string>> = {
	entry: 'ledger',
	call: 'NCP',
	event: 'topic',
	log: 'function',
}

function makeItem({ atMs, kind, title, text, stepMs, raw }: TimelineItem, startMs: number): HTMLElement {
	return make(
		'li',
		{ class: kind },
		make('time', { title: toTime(atMs) }, `+${toSpan(atMs - startMs)}`),
		make('span', { class: 'who' }, KINDS[kind]),
		make('strong', {}, title),
		text === '' ? null : make('p', {}, text),
		stepMs === undefined ? null : makeSteps(stepMs),
		raw === undefined ? null : makeRaw(kind === 'event' ? 'Event' : 'Log line', raw),
	)
}

/** As a bar for the eye, and in words. */
function makeSteps(stepMs: StepTimes): HTMLElement | null {
	const steps = Object.entries(stepMs)
	if (steps.length === 0) return null
	const bar = make('span', { class: 'bars', 'aria-hidden': 'true' })
	for (const [step, ms] of steps) {
		const part = make('span', { class: `step ${step}` })
		part.style.flexGrow = String(Math.max(1, ms))
		bar.append(part)
	}
	const words = steps.map(([step, ms]) => make('li', { class: step }, `${step} ${ms} ms`))
	return make('div', { class: 'steps' }, bar, make('ul', {}, ...words))
}

function makeRaw(title: string, raw: object): HTMLElement {
	return make(
		'details',
		{},
		make('summary', {}, title),
		make('pre', { tabindex: '0' }, JSON.stringify(raw, null, 2)),
	)
}

function makeEntry({ entry, problem }: Omit<Detail, 'row'>): HTMLElement {
	if (entry === null) return make('div', {}, make('h3', {}, 'Ledger'), make('p', { class: 'hint' }, problem))
	const { event: _event, ...rest } = entry
	return make('div', {}, make('h3', {}, 'Ledger'), makeRaw('The entry in the table', rest))
}
