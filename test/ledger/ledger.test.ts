import { describe, expect, it } from 'vitest'
import {
	type Claim,
	COVERED_MS,
	decideClaim,
	type Entry,
	type EntryState,
	expiryOncePublished,
	mayHavePut,
	release,
	settle,
	showsPublication,
	toExport,
	toSettled,
	UNSETTLED_MS,
} from '../../lib/ledger/ledger.ts'
import { acceptedEvent } from '../events.ts'

const NOW = 1_000_000

const claim = (changes: Partial<Claim> = {}): Claim => ({
	exportKey: 'key',
	fingerprint: 'print',
	destinationRule: 'exclusive',
	nowMs: NOW,
	leaseMs: 85_000,
	createId: () => 'id-new',
	isRedriven: false,
	isForCoverage: false,
	triggerId: 'm-1',
	...changes,
})

const entry = (state: EntryState, changes: Partial<Entry> = {}): Entry => ({
	exportKey: 'key',
	exportId: 'export-1',
	destinationRule: 'exclusive',
	waitsFor: null,
	fingerprint: 'print',
	state,
	revision: 'revision-1',
	attempts: 2,
	leaseUntilMs: state === 'claimed' ? NOW + 5_000 : 0,
	requestedAtMs: 1,
	claimedAtMs: 2,
	expiresAtMs: NOW + 1,
	event: state === 'claimed' || state === 'waiting' ? null : acceptedEvent('export-1'),
	firstCheck: 0,
	nextCheck: 0,
	nextCheckAtMs: 0,
	resends: 0,
	resentAtMs: 0,
	repeatedCheck: -1,
	coverage: 'none',
	...changes,
})

const SETTLED: EntryState[] = ['accepted', 'refused', 'unknown', 'exhausted']

describe('mayHavePut', () => {
	const completed = (key: string): Entry => {
		const { data, ...event } = acceptedEvent('export-1')
		const object = { key, size: 1, etag: 'e', lastModified: '2026-11-24T00:00:00.000Z' }
		return entry('completed', { event: { ...event, data: { ...data, state: 'completed', object } } })
	}

	it.each(['claimed', 'accepted', 'unknown', 'missing', 'unverified'] as const)(
		'is true of an export that is %s, for any key',
		(state) => {
			expect(mayHavePut(entry(state), 'f')).toBe(true)
		},
	)

	it.each(['waiting', 'refused', 'exhausted', 'rejected'] as const)(
		'is false of an export that is %s',
		(state) => {
			expect(mayHavePut(entry(state), 'f')).toBe(false)
		},
	)

	it('is true of a completed export only where its object lies', () => {
		expect(mayHavePut(completed('a/f'), 'a/f.part2')).toBe(true)
		expect(mayHavePut(completed('a/f'), 'f')).toBe(false)
		expect(mayHavePut(completed('f'), 'a/f')).toBe(false)
	})
})

describe('decideClaim', () => {
	it('claims a new export', () => {
		expect(decideClaim(null, claim())).toEqual({
			kind: 'claim',
			previous: null,
			next: {
				exportKey: 'key',
				destinationRule: 'exclusive',
				waitsFor: null,
				exportId: 'id-new',
				fingerprint: 'print',
				state: 'claimed',
				attempts: 1,
				leaseUntilMs: NOW + 85_000,
				requestedAtMs: NOW,
				claimedAtMs: NOW,
				expiresAtMs: NOW + 20 * 24 * 3_600_000,
				event: null,
				firstCheck: 0,
				nextCheck: 0,
				nextCheckAtMs: 0,
				resends: 0,
				resentAtMs: 0,
				repeatedCheck: -1,
				coverage: 'none',
			},
		})
	})

	it.each([...SETTLED, 'claimed', 'waiting'] as EntryState[])(
		'claims an expired entry, whatever its state was: %s',
		(state) => {
			expect(decideClaim(entry(state, { expiresAtMs: NOW }), claim())).toMatchObject({
				kind: 'claim',
				previous: null,
			})
			expect(decideClaim(entry(state, { expiresAtMs: NOW, fingerprint: 'other' }), claim()).kind).toBe(
				'claim',
			)
		},
	)

	it('gives a rejected request its outcome again for the message that was rejected, and claims it for any other', () => {
		const { data, ...event } = acceptedEvent('export-1')
		const ofTrigger = (id: string) => ({
			...event,
			data: { ...data, trigger: { kind: 'queue' as const, id } },
		})
		const rejected = entry('rejected', { event: ofTrigger('m-1'), fingerprint: 'other' })
		expect(decideClaim(rejected, claim())).toEqual({ kind: 'settled', entry: rejected })
		expect(decideClaim(rejected, claim({ triggerId: 'm-2' }))).toMatchObject({
			kind: 'claim',
			previous: rejected,
			next: { exportId: 'id-new', fingerprint: 'print', attempts: 1, event: null },
		})
	})

	it.each([...SETTLED, 'claimed', 'waiting'] as EntryState[])(
		'refuses different fields under the same key: %s',
		(state) => {
			expect(decideClaim(entry(state, { fingerprint: 'other' }), claim())).toEqual({ kind: 'mismatch' })
		},
	)

	it('claims a waiting export under its exportId for another attempt, and keeps it longer than any queue keeps a message', () => {
		const waiting = entry('waiting')
		expect(decideClaim(waiting, claim())).toMatchObject({
			kind: 'claim',
			previous: waiting,
			next: {
				exportId: 'export-1',
				state: 'claimed',
				attempts: 3,
				requestedAtMs: 1,
				claimedAtMs: NOW,
				expiresAtMs: NOW + 20 * 24 * 3_600_000,
			},
		})
	})

	it('respects a live claim, and reports it as abandoned from the millisecond its lease expires', () => {
		expect(decideClaim(entry('claimed'), claim())).toEqual({ kind: 'in-progress', leaseLeftMs: 5_000 })
		const dead = entry('claimed', { leaseUntilMs: NOW })
		expect(decideClaim(dead, claim())).toEqual({ kind: 'abandoned', entry: dead })
	})

	it.each(SETTLED)('returns the stored event of an export that is %s', (state) => {
		expect(decideClaim(entry(state), claim())).toEqual({ kind: 'settled', entry: entry(state) })
	})

	it.each(SETTLED)('starts over only an exhausted export for a redriven message: %s', (state) => {
		const decision = decideClaim(entry(state), claim({ isRedriven: true }))
		if (state !== 'exhausted') expect(decision.kind).toBe('settled')
		else
			expect(decision).toMatchObject({
				kind: 'claim',
				previous: entry(state),
				next: { exportId: 'id-new', attempts: 1, event: null },
			})
	})

	it('throws for a settled entry without its event', () => {
		expect(() => decideClaim(entry('accepted', { event: null }), claim())).toThrow(
			'a settled entry has an event',
		)
	})
})

it('takes no export from an entry that is expired, or of a rejected request', () => {
	expect(toExport(entry('waiting'), NOW)).toEqual(entry('waiting'))
	expect(toExport(entry('waiting', { expiresAtMs: NOW }), NOW)).toBeNull()
	expect(toExport(entry('rejected'), NOW)).toBeNull()
	expect(toExport(null, NOW)).toBeNull()
})

it('releases a claim without changing its other fields', () => {
	expect(release(entry('claimed'))).toEqual(entry('waiting', {}))
})

it('settles a claim with the state of its event', () => {
	expect(settle(entry('claimed'), acceptedEvent('export-1'), 77, 5)).toEqual(
		entry('accepted', { expiresAtMs: 77 + UNSETTLED_MS }),
	)
	expect(settle(entry('claimed'), acceptedEvent('export-1'), 77, 2 * UNSETTLED_MS).expiresAtMs).toBe(
		77 + 2 * UNSETTLED_MS,
	)
})

it('remembers a completed export for as long as was asked, and any other for the deduplication alone', () => {
	const { data, ...rest } = acceptedEvent('export-1')
	const event = (state: 'completed' | 'missing') => ({ ...rest, data: { ...data, state, terminal: true } })
	const accepted = entry('accepted', { expiresAtMs: 0, coverage: 'joined' })
	const completed = settle(accepted, event('completed'), 77, 5)
	expect(completed.expiresAtMs).toBe(77 + COVERED_MS)
	// Published the moment it was settled, and later.
	expect(expiryOncePublished(completed, 77, 5)).toBeNull()
	expect(expiryOncePublished(completed, 78, COVERED_MS - 2_000)).toBeNull()
	const missing = settle(accepted, event('missing'), 77, 5)
	expect(expiryOncePublished(missing, 77, 5)).toBe(77 + 5)
})

describe('showsPublication', () => {
	const HOUR_MS = 3_600_000
	/** A refused export: as it was settled, and as it is once its outcome has been published. */
	function refused(deduplicationMs: number): [settled: Entry, published: Entry] {
		const event = acceptedEvent('export-1')
		const data = { ...event.data, state: 'refused' as const, settledAt: new Date(NOW).toISOString() }
		const claimed = entry('claimed', { expiresAtMs: NOW + UNSETTLED_MS - 1 })
		const settled = { ...claimed, ...settle(claimed, { ...event, data }, NOW, deduplicationMs) }
		const expiresAtMs = expiryOncePublished(settled, NOW + 100, deduplicationMs) ?? settled.expiresAtMs
		return [settled, { ...settled, expiresAtMs }]
	}

	it('is false until the outcome is published, then true', () => {
		expect(refused(24 * HOUR_MS).map((each) => showsPublication(toSettled(each)))).toEqual([false, true])
	})

	it('is null when deduplication is longer than an unpublished outcome is kept', () => {
		expect(refused(481 * HOUR_MS).map((each) => showsPublication(toSettled(each)))).toEqual([null, null])
	})
})
