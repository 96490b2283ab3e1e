import { describe, expect, it } from 'vitest'
import { assessBackup, type InspectedBackup, requestsFor } from '../../lib/coverage/assess-backup.ts'
import { type Entry, reserve, settle } from '../../lib/ledger/ledger.ts'
import type { SettledState } from '../../lib/outcome/outcome.ts'
import { acceptedEvent } from '../events.ts'
import { anObject, assessed, backup, END_MS, HOUR_MS, NOW } from './samples.ts'

const waiting: Entry = {
	...reserve({
		exportKey: 'key',
		fingerprint: 'print',
		destinationRule: 'exclusive',
		nowMs: NOW,
		createId: () => 'export-1',
	}),
	revision: 'revision-1',
}

const settled = (state: SettledState, terminal: boolean): Entry => {
	const { data, ...event } = acceptedEvent('export-1')
	return { ...waiting, ...settle(waiting, { ...event, data: { ...data, state, terminal } }, NOW, HOUR_MS) }
}

const inspected = (changes: Partial<InspectedBackup> = {}): InspectedBackup => ({
	...backup('a'),
	request: assessed('a', 'due').request,
	proof: null,
	entry: null,
	isTaken: false,
	...changes,
})

const stateOf = (changes: Partial<InspectedBackup>) =>
	assessBackup(inspected(changes), NOW, 6 * HOUR_MS).state

describe('assessBackup', () => {
	it.each([
		['running while it has no end', { endedAtMs: null }, 'running'],
		['covered by an object', { proof: anObject('1/a') }, 'covered'],
		[
			'covered whatever the ledger says',
			{ proof: anObject('1/a'), entry: settled('missing', true) },
			'covered',
		],
		['due when nobody asked for it', {}, 'due'],
		['due when it was forgotten', { entry: { ...settled('missing', true), expiresAtMs: NOW } }, 'due'],
		['under way while it waits', { entry: waiting }, 'under-way'],
		['under way while it is claimed', { entry: { ...waiting, state: 'claimed' } }, 'under-way'],
		['under way once accepted', { entry: settled('accepted', false) }, 'under-way'],
		['under way while its reply is lost', { entry: settled('unknown', false) }, 'under-way'],
		['failing when missing', { entry: settled('missing', true) }, 'failing'],
		['failing when unverified', { entry: settled('unverified', true) }, 'failing'],
		['failing when refused', { entry: settled('refused', true) }, 'failing'],
		['failing when exhausted', { entry: settled('exhausted', true) }, 'failing'],
		['failing when its place is taken', { isTaken: true }, 'failing'],
		['failing when no request can name it', { request: null }, 'failing'],
		[
			'gone when it was completed, and the object is not there',
			{ entry: settled('completed', true) },
			'gone',
		],
	] as const)('finds a backup %s', (_name, changes, state) => {
		expect(stateOf(changes)).toBe(state)
	})

	it.each([
		['due', {}, true],
		['under way', { entry: waiting }, true],
		['failing', { isTaken: true }, true],
		['covered', { proof: anObject('1/a') }, false],
		['gone', { entry: settled('completed', true) }, false],
	] as const)('that is %s is behind once its grace is over: %s', (_name, changes, isBehind) => {
		const graceMs = NOW - END_MS
		expect(assessBackup(inspected(changes), NOW, graceMs).isBehind).toBe(isBehind)
		expect(assessBackup(inspected(changes), NOW, graceMs + 1).isBehind).toBe(false)
	})
})

describe('requestsFor', () => {
	it('asks for what is due, oldest backup first, and once more for what is under way and behind', () => {
		const backups = [
			assessed('newest', 'due', { endedAtMs: 3 }),
			assessed('stuck', 'under-way', { endedAtMs: 2, isBehind: true }),
			assessed('fresh', 'under-way', { endedAtMs: 4 }),
			assessed('oldest', 'due', { endedAtMs: 1 }),
			assessed('failing', 'failing', { isBehind: true }),
			assessed('gone', 'gone'),
			assessed('covered', 'covered'),
			assessed('running', 'running', { endedAtMs: null }),
		]
		expect(requestsFor(backups).map(({ fileName }) => fileName)).toEqual(['oldest', 'stuck', 'newest'])
	})
})
