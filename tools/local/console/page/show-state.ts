import { type RowState, STATE_WORDS, type Tone } from '../words.ts'
import { make } from './dom.ts'

/** The state with its name, not with its colour only. */
export function makeBadge(text: string, tone: Tone): HTMLElement {
	return make('span', { class: `badge ${tone}` }, text)
}

export function makeStateBadge(state: RowState): HTMLElement {
	return makeBadge(state, STATE_WORDS[state].tone)
}
