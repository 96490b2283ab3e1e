import { ExportError } from '../lib/errors.ts'
import { type Draft, type Ledger, reserve, type SettledEntry, settle } from '../lib/ledger/ledger.ts'
import { toOutcomeEvent } from '../lib/outcome/outcome.ts'

/** Writes an export that was called once, at `nowMs`, and that an arrival check will end. */
export async function writeOpen(
	ledger: Ledger,
	state: 'accepted' | 'unknown',
	nowMs: number,
): Promise<SettledEntry> {
	const claimed = await ledger.replace(null, newDraft('key', nowMs), nowMs)
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

/** An export whose call has begun. */
export function newDraft(exportKey: string, nowMs: number): Draft {
	const claim = {
		exportKey,
		fingerprint: 'print',
		destinationRule: 'exclusive' as const,
		nowMs,
		createId: () => 'export-1',
	}
	return { ...reserve(claim), state: 'claimed', attempts: 1 }
}
