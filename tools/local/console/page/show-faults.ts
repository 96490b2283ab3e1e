import type { SandboxView } from '../watch-cloud.ts'
import { FAULTS, type FaultName, type FaultWords } from '../words.ts'
import { byId, make, makeButton, showList } from './dom.ts'

export interface FaultButtons {
	tryIt: (name: FaultName | null, title: string) => void
	change: (name: FaultName, isPlanted: boolean) => void
}

interface Card extends Omit<FaultWords, 'name'> {
	name: FaultName | null
	/** Undefined when it is not planted; null until it is removed. */
	left: number | null | undefined
}

const NO_FAULT = {
	name: null,
	title: 'Nothing goes wrong',
	lasts: null,
	happens: 'NCP exports the backup, and answers.',
	promised: 'The export is “accepted”. The bucket is checked two seconds later, and it is “completed”.',
	left: undefined,
} as const

/** Nothing is shown with a real API. */
export function showFaults(sandbox: SandboxView | null, buttons: FaultButtons): void {
	byId('sandbox').hidden = sandbox === null
	byId<HTMLButtonElement>('pass').hidden = sandbox === null
	byId('pass-words').hidden = sandbox === null
	if (sandbox === null) return
	const { planted } = sandbox
	const cards: Card[] = [NO_FAULT, ...FAULTS.map((fault) => ({ ...fault, left: planted[fault.name] }))]
	showList(
		byId('faults'),
		cards,
		({ name }) => name ?? 'none',
		(card) => makeCard(card, buttons),
	)
}

function makeCard(
	{ name, title, happens, promised, left }: Card,
	{ tryIt, change }: FaultButtons,
): HTMLElement {
	const isPlanted = left !== undefined
	const toggle = (fault: FaultName): HTMLElement =>
		makeButton(isPlanted ? 'Remove' : 'Plant', () => change(fault, !isPlanted), {
			'data-focus': `${fault}-plant`,
			'aria-label': `${isPlanted ? 'Remove' : 'Plant'}: ${title}`,
		})
	return make(
		'li',
		{ class: isPlanted ? 'planted' : '' },
		make('h3', {}, title),
		make('p', {}, make('b', {}, 'What happens: '), happens),
		make('p', {}, make('b', {}, 'What is promised: '), promised),
		isPlanted ? make('p', { class: 'left' }, describe(left)) : null,
		make(
			'div',
			{ class: 'buttons' },
			makeButton('Try it', () => tryIt(name, title), {
				class: 'primary',
				'data-focus': `${name}-try`,
				'aria-label': `Try it: ${title}`,
			}),
			name === null ? null : toggle(name),
		),
	)
}

function describe(left: number | null): string {
	if (left === null) return 'Planted, until you remove it.'
	return left === 1 ? 'Planted for one call.' : `Planted for ${left} calls.`
}
