import type { Flow, QueueCounts } from '../cloud-state.ts'
import { byId, make, showList } from './dom.ts'

interface Box {
	/** The part of the grid that it takes. */
	area: string
	name: string
	/** The first is large. */
	numbers: readonly (readonly [number, string])[]
	isAlarming?: boolean
}

export function showFlow(flow: Flow): void {
	showList(byId('flow'), toBoxes(flow), ({ area }) => area, makeBox)
}

function toBoxes({ requests, arrivals, dead, totals, ncp, copies }: Flow): Box[] {
	const { webhook, pipeline, exports, open, published } = totals
	return [
		{ area: 'queue', name: 'Request queue', numbers: toNumbers(requests) },
		{ area: 'webhook', name: 'Webhook', numbers: [[webhook, 'calls']] },
		{ area: 'pipeline', name: 'Pipeline events', numbers: [[pipeline, 'events']] },
		{
			area: 'ledger',
			name: 'Ledger',
			numbers: [
				[open, 'open'],
				[exports, 'exports'],
			],
		},
		{
			area: 'ncp',
			name: ncp === null ? 'NCP (real)' : 'NCP (simulated)',
			numbers:
				ncp === null
					? []
					: [
							[ncp.performed, 'exported'],
							[ncp.calls, 'calls'],
						],
		},
		{ area: 'bucket', name: 'Bucket', numbers: ncp === null ? [] : [[copies, 'files arrived']] },
		{ area: 'checks', name: 'Arrival checks', numbers: toNumbers(arrivals) },
		{ area: 'topic', name: 'Topic', numbers: [[published, 'events']] },
		{ area: 'dead', name: 'Dead letters', numbers: [[dead, 'messages']], isAlarming: dead > 0 },
	]
}

function toNumbers({ ready, taken, delayed }: QueueCounts): Box['numbers'] {
	return [
		[ready + delayed, 'waiting'],
		[taken, 'taken'],
	]
}

function makeBox({ area, name, numbers, isAlarming = false }: Box): HTMLElement {
	const [first, ...others] = numbers
	return make(
		'li',
		{ class: `box ${area}${isAlarming ? ' alarming' : ''}` },
		make('span', { class: 'name' }, name),
		first === undefined ? null : make('strong', {}, String(first[0])),
		first === undefined ? null : make('span', { class: 'unit' }, ` ${first[1]}`),
		...others.map(([number, unit]) => make('span', { class: 'other' }, `${number} ${unit}`)),
	)
}
