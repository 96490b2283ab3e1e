import type { FirstSeen } from '../lib/aws/first-seen.ts'
import type { Entry, Ledger } from '../lib/ledger/ledger.ts'

/** The port's contract in memory: what the table promises, without a table. */
export function createMemoryLedger(): Ledger & { entries: Map<string, Entry> } {
	const entries = new Map<string, Entry>()
	/** What each entry was written from: the same one again is a repeat. */
	const sources = new Map<string, Entry>()
	return {
		entries,
		read: async (exportKey) => entries.get(exportKey) ?? null,
		replace: async (previous, next, nowMs) => {
			const current = entries.get(next.exportKey) ?? null
			const isFree = current === null || current.expiresAtMs <= nowMs
			const isSame =
				current?.exportId === previous?.exportId &&
				current?.version === previous?.version &&
				current?.claimId === previous?.claimId
			if (previous === null ? !isFree : !isSame)
				return current !== null && sources.get(next.exportKey) === next
			entries.set(next.exportKey, structuredClone(next))
			sources.set(next.exportKey, next)
			return true
		},
		expireAt: async (entry, expiresAtMs) => {
			const current = entries.get(entry.exportKey)
			const isSame =
				current?.exportId === entry.exportId &&
				current.version === entry.version &&
				current.claimId === entry.claimId
			if (isSame) entries.set(entry.exportKey, { ...current, expiresAtMs })
			return isSame
		},
	}
}

/** The same for when a trigger was first seen. */
export function createFirstSeen(): FirstSeen {
	const seen = new Map<string, number>()
	return async (triggerId, nowMs) => {
		const firstSeenMs = seen.get(triggerId) ?? nowMs
		seen.set(triggerId, firstSeenMs)
		return firstSeenMs
	}
}
