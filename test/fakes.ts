import type { Deadline } from '../lib/deadline.ts'
import { ExportError } from '../lib/errors.ts'
import type { Draft, Entry, Ledger } from '../lib/ledger/ledger.ts'
import { readReply } from '../lib/ncp/read-reply.ts'
import type {
	ArrivalPorts,
	Destinations,
	ExportPorts,
	FirstSeen,
	Namesake,
	RequestQueue,
} from '../lib/ports.ts'
import type { Reply } from '../lib/reply.ts'
import {
	type DestinationRule,
	isSameHolder,
	toDestination,
	toHolder,
	toNameKey,
} from '../lib/request/export-identity.ts'
import type { ExportRequest } from '../lib/request/export-request.ts'

/** A deadline with a constant number of milliseconds left. */
export const left = (ms: number): Deadline => ({ leftMs: () => ms })

/** The time limit of a deployed function. */
export const PLENTY = left(25_000)

/** An in-memory ledger with the same contract as the table. */
export interface MemoryLedger extends Ledger {
	entries: Map<string, Entry>
}

export function createMemoryLedger(): MemoryLedger {
	const entries = new Map<string, Entry>()
	/** The revision of each draft, so that a repeated write is recognised. */
	const revisions = new WeakMap<Draft, string>()
	let count = 0
	return {
		entries,
		read: async (exportKey) => entries.get(exportKey) ?? null,
		replace: async (previous, next, nowMs) => {
			const revision = revisions.get(next) ?? `revision-${++count}`
			revisions.set(next, revision)
			const entry = { ...next, revision }
			const current = entries.get(next.exportKey) ?? null
			const isFree = current === null || current.expiresAtMs <= nowMs
			const expected =
				previous && (revisions.get(previous) ?? ('revision' in previous ? previous.revision : ''))
			const isSame = current?.exportId === previous?.exportId && current?.revision === expected
			if (previous === null ? !isFree : !isSame) return current?.revision === revision ? entry : null
			entries.set(next.exportKey, structuredClone(entry))
			return entry
		},
		expireAt: async (entry, expiresAtMs) => {
			const current = entries.get(entry.exportKey)
			const isSame = current?.exportId === entry.exportId && current.revision === entry.revision
			if (isSame) entries.set(entry.exportKey, { ...current, expiresAtMs })
			return isSame
		},
	}
}

const down = async (): Promise<never> => {
	throw new ExportError('LEDGER_UNAVAILABLE', 'down')
}

/** A store that does not answer. */
export const DOWN: Ledger = { read: down, replace: down, expireAt: down }

/** A store in which another writer always wins, and every read finds nothing. */
export const CONTESTED: Ledger = {
	read: async () => null,
	replace: async () => null,
	expireAt: async () => false,
}

type Taken = Namesake & { nameKey: string; sinceMs: number }

/** In-memory destinations with the same contract as the table; none ever expires. */
export interface MemoryDestinations extends Destinations {
	/** By destination. */
	taken: Map<string, Taken>
}

const API_URL = 'https://ncp.example'

export function createMemoryDestinations(rule: DestinationRule = 'exclusive'): MemoryDestinations {
	const toPlace = (request: ExportRequest) => toDestination(API_URL, request, rule)
	const taken: MemoryDestinations['taken'] = new Map()
	const restore = (key: string, previous: Taken | undefined): void => {
		if (previous === undefined) taken.delete(key)
		else taken.set(key, previous)
	}
	return {
		rule,
		taken,
		take: async (request, askedBy, nowMs) => {
			const { key, nameKey } = toPlace(request)
			const instance = toHolder(request)
			const previous = taken.get(key)
			if (previous !== undefined && !isSameHolder(previous.instance, instance))
				return { kind: 'held', by: previous.instance }
			const { folderPath, fileName } = request
			const isNew = previous === undefined
			const isAskedBySeveral = !isNew && (previous.isAskedBySeveral || previous.askedBy !== askedBy)
			const sinceMs = previous?.sinceMs ?? nowMs
			const next = { instance, nameKey, folderPath, fileName, askedBy, isAskedBySeveral, sinceMs }
			taken.set(key, next)
			return {
				kind: 'ours',
				undo: async () => {
					if (taken.get(key) === next) restore(key, previous)
				},
			}
		},
		holder: async (request) => taken.get(toPlace(request).key)?.instance ?? null,
		giveBack: async (request, askedBy, requestedAtMs) => {
			const { key } = toPlace(request)
			const known = taken.get(key)
			const isSole = known?.askedBy === askedBy && !known.isAskedBySeveral
			if (isSole && known.sinceMs >= requestedAtMs) taken.delete(key)
		},
		namesakes: async (bucketName, name, limit) => {
			const nameKey = toNameKey(API_URL, bucketName, name)
			const all = [...taken.values()].filter((each) => each.nameKey === nameKey)
			return { read: all.slice(0, limit), isWhole: all.length <= limit }
		},
	}
}

/** The same ledger, in which `intercept` runs before each write and after it took effect; throwing there is all that the writer sees. */
export function interceptWrites(
	ledger: Ledger,
	intercept: (phase: 'before' | 'after', previous: Entry | Draft | null, next: Draft) => void,
): Ledger {
	return {
		...ledger,
		replace: async (previous, next, nowMs) => {
			intercept('before', previous, next)
			const result = await ledger.replace(previous, next, nowMs)
			intercept('after', previous, next)
			return result
		},
	}
}

/** The same ledger, in which another writer makes this change just before each of the next writes. */
export function overtake(
	ledger: MemoryLedger,
	change: (current: Entry) => Partial<Entry> | 'gone',
	times = 1,
): Ledger {
	let writes = 0
	return interceptWrites(ledger, (phase, _previous, { exportKey }) => {
		const current = ledger.entries.get(exportKey)
		if (phase === 'after' || current === undefined || writes === times) return
		const changes = change(current)
		const revision = `another-${++writes}`
		if (changes === 'gone') ledger.entries.delete(exportKey)
		else ledger.entries.set(exportKey, { ...current, ...changes, revision })
	})
}

export function createFirstSeen(): FirstSeen {
	const seen = new Map<string, number>()
	return async (triggerId, nowMs) => {
		const firstSeenMs = seen.get(triggerId) ?? nowMs
		seen.set(triggerId, firstSeenMs)
		return firstSeenMs
	}
}

/** A queue that records its calls. */
export function createQueue(): { queue: RequestQueue; done: unknown[][] } {
	const done: unknown[][] = []
	return {
		done,
		queue: {
			send: async (...args) => void done.push(['send', ...args]),
			hide: async (...args) => {
				done.push(['hide', ...args])
				return null
			},
			deadLetter: async (...args) => void done.push(['deadLetter', ...args]),
		},
	}
}

/** NCP's answer with this body. */
export const replyWith = (httpStatus: number, body: unknown, headers = {}): Reply =>
	readReply({ httpStatus, headers, body: JSON.stringify(body) })

const HOUR_MS = 60 * 60 * 1000

function sharedPorts() {
	return {
		deadline: PLENTY,
		now: () => Date.UTC(2026, 10, 23),
		sleep: async () => undefined,
		random: () => 0.5,
		callNcp: async () => replyWith(200, { r: { returnCode: '0' } }),
		ledger: createMemoryLedger(),
		destinations: createMemoryDestinations(),
		publish: async () => undefined,
		deduplicationMs: HOUR_MS,
		observe: () => undefined,
	}
}

/** Ports of the first use case in which everything works; arrival checks are off. */
export function createExportPorts(changes: Partial<ExportPorts> = {}): ExportPorts {
	let ids = 0
	return {
		...sharedPorts(),
		apiUrl: API_URL,
		firstSeen: createFirstSeen(),
		createId: () => `export-${++ids}`,
		arrival: null,
		...changes,
	}
}

/** Ports of the second use case in which everything works; the bucket is empty. */
export function createArrivalPorts(changes: Partial<ArrivalPorts> = {}): ArrivalPorts {
	return {
		...sharedPorts(),
		listObjects: async () => ({ kind: 'listed', objects: [], isWhole: true }),
		keyPrefix: '{fileName}',
		schedule: async () => undefined,
		recordCompletion: async () => undefined,
		observeUnrecorded: () => undefined,
		deadlineMs: 2 * HOUR_MS,
		resendAfterMs: HOUR_MS / 6,
		...changes,
	}
}
