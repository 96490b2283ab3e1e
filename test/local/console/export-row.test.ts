import { describe, expect, it } from 'vitest'
import { type ExportRow, type Sighting, toExportRow } from '../../../tools/local/console/export-row.ts'
import { call, entry, ID, log, published, toSightings } from './sightings.ts'

function rowOf(seen: readonly Partial<Sighting>[]): ExportRow {
	const row = toSightings(seen).reduce<ExportRow | null>(
		(before, each) => toExportRow(before, ID, each),
		null,
	)
	if (row === null) throw new Error('nothing was seen')
	return row
}

const COMPLETED = [
	entry('claimed'),
	call(),
	entry('accepted'),
	published('accepted', false),
	log('export accepted'),
	entry('completed'),
	published('completed', true),
	log('export completed', { check: 0, stepMs: { look: 2 } }),
]

describe('an export that completes', () => {
	it('is claimed, accepted and completed', () => {
		const states = COMPLETED.map((_each, index) => rowOf(COMPLETED.slice(0, index + 1)).state)
		expect(states).toEqual([
			'claimed',
			'claimed',
			'accepted',
			'accepted',
			'accepted',
			'completed',
			'completed',
			'completed',
		])
	})

	it('has ended with the terminal event, and not with the first one', () => {
		expect(rowOf(COMPLETED.slice(0, 5)).isEnded).toBe(false)
		expect(rowOf(COMPLETED).isEnded).toBe(true)
	})

	it('shows every step in order, with durations, event and log line', () => {
		const { timeline } = rowOf(COMPLETED)
		expect(timeline.map(({ atMs, title }) => [atMs, title])).toEqual([
			[0, 'Ledger: claimed'],
			[1000, 'NCP received the call'],
			[2000, 'Ledger: accepted'],
			[3000, 'Published: accepted'],
			[4000, 'Delivery by queue: export accepted'],
			[5000, 'Ledger: completed'],
			[6000, 'Published: completed'],
			[7000, 'Look 1 into the bucket: export completed'],
		])
		expect(timeline[4]?.stepMs).toEqual({ claim: 3, call: 4 })
		expect(timeline[6]?.raw).toMatchObject({ id: `${ID}/completed` })
		expect(timeline[7]?.raw).toMatchObject({ message: 'export completed' })
	})

	it('names instance, file and trigger as soon as they are known', () => {
		expect(rowOf(COMPLETED.slice(0, 1))).toMatchObject({ request: null, trigger: null })
		expect(rowOf(COMPLETED.slice(0, 2)).request).toMatchObject({
			fileName: '20210528',
			path: '1234925/20210528',
		})
		expect(rowOf(COMPLETED.slice(0, 4)).trigger).toEqual({ kind: 'queue', id: 'message' })
		const again = log('export completed', { trigger: { kind: 'webhook', id: 'call' } })
		expect(rowOf([...COMPLETED, again]).trigger).toEqual({ kind: 'queue', id: 'message' })
	})
})

describe('what NCP did', () => {
	it.each([
		['an answer', [call()], 1, 1],
		['busy twice, then an answer', [call('busy', false), call('busy', false), call()], 3, 1],
		['a lost reply', [call('cut', true)], 1, 1],
		['a killed function', [call('perform-then-hang', true)], 1, 1],
		['no answer', [call('hang', false)], 1, 0],
	])('%s: counts calls and exports by the simulator’s word', (_name, calls, called, performed) => {
		expect(rowOf([entry('claimed'), ...calls])).toMatchObject({ calls: called, performed })
	})

	it('does not count what the product says', () => {
		expect(rowOf([published('completed', true), log('export completed')])).toMatchObject({
			calls: 0,
			performed: 0,
		})
	})

	it('is said in words, for every answer', () => {
		const wordsOf = (seen: Partial<Sighting>): string => rowOf([seen]).timeline[0]?.text ?? ''
		expect(wordsOf(call())).toBe('NCP exported the backup, and answered.')
		expect(wordsOf(call('cut', true))).toContain('its reply was lost')
		expect(wordsOf(call('perform-then-hang', true))).toContain('the function was killed')
		expect(wordsOf(call('nonsense', false))).toContain('Nothing was exported.')
		const answer = { httpStatus: 500, contentType: 'text/plain', body: '' }
		expect(wordsOf(call(answer, false))).toContain('did not answer as it should')
	})
})

it('explains in the timeline what unknown means', () => {
	const { timeline } = rowOf([published('unknown', false)])
	expect(timeline[0]?.text).toContain('may or may not have been done')
})

it('calls an event that comes again a repeat', () => {
	const { timeline } = rowOf([published('accepted', false), published('accepted', false)])
	expect(timeline[1]?.text).toContain('The same event again')
})

it('stays completed when an earlier event comes late or again', () => {
	const row = rowOf([published('completed', true), published('accepted', false)])
	expect(row).toMatchObject({ state: 'completed', isEnded: true })
})

it('starts over when a dead letter was redriven', () => {
	const row = rowOf([published('exhausted', true), entry('claimed', { attempts: 7 })])
	expect(row).toMatchObject({ state: 'claimed', isEnded: false, attempts: 7 })
})

it('says why an export waits, and when the next look is due', () => {
	const { timeline } = rowOf([
		entry('waiting', { waitsFor: 'NCP is busy' }),
		log('export not finished', { code: 'NCP_LATER', reason: 'busy' }),
		log('export not arrived yet', { check: 2, nextInSeconds: 26 }),
	])
	expect(timeline.map(({ text }) => text)).toEqual([
		'Certainly not done, free to be tried again: NCP is busy.',
		'NCP_LATER: busy',
		'The next look is due in 26 s.',
	])
})

it('shows no write that changes nothing but the next look', () => {
	expect(rowOf([entry('accepted'), entry('accepted')]).timeline).toHaveLength(1)
	expect(rowOf([entry('unknown'), entry('unknown', { resends: 1 })]).timeline[1]?.title).toBe(
		'Ledger: sent once more',
	)
})

it('puts what is seen late where it belongs', () => {
	const [first, second, late] = toSightings([entry('claimed'), log('export accepted'), call()])
	const seen = [first, second, { ...late, atMs: 500 }] as Sighting[]
	const row = seen.reduce<ExportRow | null>((before, each) => toExportRow(before, ID, each), null)
	expect(row?.timeline.map(({ kind }) => kind)).toEqual(['entry', 'call', 'log'])
})

it('keeps the newest 200 steps of an export that never ends', () => {
	const looks = Array.from({ length: 250 }, (_, check) => log('export not arrived yet', { check }))
	const { timeline } = rowOf(looks)
	expect(timeline).toHaveLength(200)
	expect(timeline.at(-1)?.title).toContain('Look 250')
})
