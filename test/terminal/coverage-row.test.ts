import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { toCoverageEvent } from '../../lib/coverage/coverage-event.ts'
import {
	isCoverageEvent,
	type PublishedEvent,
	paintState,
	toCountsText,
	toPublishedRow,
} from '../../tools/terminal/coverage-row.ts'
import { tableHead } from '../../tools/terminal/outcome-row.ts'
import { assessed, NOW, policy } from '../coverage/samples.ts'
import { acceptedEvent } from '../events.ts'

beforeEach(() => {
	vi.useFakeTimers({ toFake: ['Date'], now: NOW })
})
afterEach(() => {
	vi.useRealTimers()
})

const event = toCoverageEvent(
	{
		policy: policy(),
		instanceNo: '1234925',
		folderPath: '1234925/',
		checkedAtMs: NOW,
		backups: [assessed('a', 'due'), assessed('b', 'covered'), assessed('c', 'under-way')],
		unknownObjects: 0,
	},
	'2026-11-25T00:00:00.000Z',
)

it('shows the coverage of an instance in the columns of the outcomes', () => {
	const head = tableHead()
	const row = toPublishedRow(event, Date.now() - 1_500)
	expect(row.indexOf('1.5 s')).toBe(head.indexOf('after'))
	expect(row.indexOf('coverage')).toBe(head.indexOf('trigger'))
	expect(row.indexOf(event.data.state)).toBe(head.indexOf('state'))
	expect(row.indexOf(`1234925 ${event.subject}`)).toBe(head.indexOf('instance'))
	expect(row).toContain(`3 backups: 1 covered, 1 due, 1 under way (policy nightly)`)
	expect(toPublishedRow(event, Date.now(), true)).toMatch(/ \(repeated, same id\)$/)
})

it('shows an outcome as before', () => {
	const outcome: PublishedEvent = acceptedEvent('20210528')
	expect([isCoverageEvent(outcome), isCoverageEvent(event)]).toEqual([false, true])
	expect(toPublishedRow(outcome, Date.now())).toContain('accepted')
})

it('counts the backups of all instances, and names only the states that there are', () => {
	const { counts } = event.data
	expect(toCountsText([counts, counts])).toBe('6 backups: 2 covered, 2 due, 2 under way')
	expect(toCountsText([{ ...counts, covered: 0, due: 0, underWay: 0, gone: 1 }])).toBe('1 backup: 1 gone')
	expect(toCountsText([])).toBe('0 backups')
})

it('paints nothing when the output is no terminal', () => {
	expect(paintState('failing', 'failing')).toBe('failing')
})
