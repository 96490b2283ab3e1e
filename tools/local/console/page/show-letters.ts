import type { ListedLetter } from '../letters.ts'
import { byId, make, makeButton, showList } from './dom.ts'
import { makeBadge } from './show-state.ts'

const EMPTY = { messageId: '' } as const

/** `redrive` gets the messages to send back. */
export function showLetters(
	letters: readonly ListedLetter[],
	redrive: (letters: readonly ListedLetter[]) => void,
): void {
	const open = letters.filter(({ isRejected }) => !isRejected)
	const all = byId<HTMLButtonElement>('redrive-all')
	all.hidden = open.length < 2
	all.onclick = () => redrive(open)
	showList<ListedLetter | typeof EMPTY>(
		byId('letters'),
		letters.length === 0 ? [EMPTY] : letters,
		({ messageId }) => messageId,
		(letter) => ('queue' in letter ? makeLetter(letter, redrive) : makeEmpty()),
	)
}

function makeEmpty(): HTMLElement {
	return make(
		'li',
		{ class: 'hint' },
		'None: every message was processed. To see one, try “NCP does not know the key”, and wait until the retries are used up.',
	)
}

function makeLetter(letter: ListedLetter, redrive: (letters: readonly ListedLetter[]) => void): HTMLElement {
	const { messageId, queue, code, reason, isRejected, about, body } = letter
	const note = isRejected
		? 'Rejected: redriven as it is, it is rejected again. Send a corrected request.'
		: 'Redriven, it goes back to its queue; what was exhausted starts over as a new export.'
	return make(
		'li',
		{},
		make('h3', {}, about || `Message ${messageId}`),
		make('p', {}, makeBadge(code, 'bad'), ` ${reason}`),
		make('p', { class: 'hint' }, `${note} From the queue of ${queue}.`),
		make('details', {}, make('summary', {}, 'Message'), make('pre', { tabindex: '0' }, body)),
		make(
			'div',
			{ class: 'buttons' },
			makeButton('Redrive', () => redrive([letter]), {
				'data-focus': messageId,
				'aria-label': `Redrive ${about || messageId}`,
			}),
		),
	)
}
