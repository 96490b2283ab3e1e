import type { CoverageEvent } from '../../../../lib/coverage/coverage-event.ts'
import type { Tone } from '../words.ts'
import { byId, make, showList } from './dom.ts'
import { makeBadge } from './show-state.ts'

type Instance = CoverageEvent['data']
type BackupState = Instance['backups'][number]['state']

const WORDS: Readonly<Record<BackupState, { tone: Tone; meaning: string }>> = {
	covered: { tone: 'good', meaning: 'an object in the bucket proves it' },
	'under-way': { tone: 'busy', meaning: 'its export has no last word yet' },
	due: { tone: 'doubt', meaning: 'not in the bucket; the sweep has asked for it' },
	failing: { tone: 'bad', meaning: 'its last export ended without proof' },
	gone: { tone: 'bad', meaning: 'it was there once, and somebody removed it; it is not exported again' },
	running: { tone: 'busy', meaning: 'the backup is still being made' },
}

export function showCoverage(instances: readonly Instance[]): void {
	const parts = instances.length === 0 ? [null] : instances
	showList(
		byId('coverage'),
		parts,
		(instance) => (instance === null ? '' : `${instance.policy}/${instance.instanceNo}`),
		(instance) => (instance === null ? makeEmpty() : makeInstance(instance)),
	)
}

function makeEmpty(): HTMLElement {
	return make(
		'p',
		{ class: 'hint' },
		'No instance was checked yet. “npm start” sweeps every 20 seconds, unless NCP is real or --no-coverage was given.',
	)
}

function makeInstance({ instanceNo, state, backups }: Instance): HTMLElement {
	const chips = [...backups]
		.sort((a, b) => (a.fileName < b.fileName ? -1 : 1))
		.map((backup) => {
			const { tone, meaning } = WORDS[backup.state]
			return make(
				'li',
				{ class: `chip ${tone}`, title: meaning },
				`${backup.fileName} `,
				make('b', {}, backup.state),
			)
		})
	return make(
		'div',
		{ class: 'instance' },
		make('h3', {}, instanceNo, ' ', makeBadge(state, state === 'covered' ? 'good' : 'doubt')),
		chips.length === 0
			? make('p', { class: 'hint' }, 'It has no backup yet.')
			: make('ul', { class: 'chips' }, ...chips),
	)
}
