import { ExportError } from '../lib/errors.ts'
import { type Entry, type Ledger, reserve, type SettledEntry, settle } from '../lib/ledger/ledger.ts'
import { toOutcomeEvent } from '../lib/outcome/outcome.ts'
import type { MemoryLedger } from './fakes.ts'

/** Writes an export that was called once, at `nowMs`, and that an arrival check will end. */
export async function writeOpen(
	ledger: Ledger,
	state: 'accepted' | 'unknown',
	nowMs: number,
): Promise<SettledEntry> {
	const identity = { exportKey: 'key', fingerprint: 'print', nowMs, createId: () => 'export-1' }
	const claimed = await ledger.replace(null, { ...reserve(identity), attempts: 1 }, nowMs)
	const event = toOutcomeEvent({
		state,
		exportId: 'export-1',
		request: { product: 'postgresql', instanceNo: '1', fileName: 'f', bucketName: 'my-bucket' },
		reply: null,
		error: state === 'unknown' ? new ExportError('NCP_UNKNOWN', 'lost') : null,
		attempts: 1,
		trigger: { kind: 'queue', id: 'm-1' },
		traceparent: undefined,
		requestedAtMs: nowMs,
		settledAtMs: nowMs,
		isArrivalChecked: true,
	})
	const settled = claimed && (await ledger.replace(claimed, settle(claimed, event, nowMs, 1), nowMs))
	if (settled === null) throw new Error('the ledger is new')
	return settled
}

/** The same ledger, in which another writer makes this change just before each of the next writes. */
export function overtake(
	ledger: MemoryLedger,
	change: (current: Entry) => Partial<Entry> | 'gone',
	times = 1,
): Ledger {
	let writes = 0
	return {
		...ledger,
		replace: async (previous, next, nowMs) => {
			const current = ledger.entries.get(next.exportKey)
			if (current && writes < times) {
				writes++
				const changes = change(current)
				if (changes === 'gone') ledger.entries.delete(next.exportKey)
				else ledger.entries.set(next.exportKey, { ...current, ...changes, revision: `another-${writes}` })
			}
			return ledger.replace(previous, next, nowMs)
		},
	}
}
