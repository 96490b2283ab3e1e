import { cut, ExportError } from '../errors.ts'
import { type SettledEntry, settle } from '../ledger/ledger.ts'
import { folderOf } from '../object-key.ts'
import { type Arrival, toArrivalEvent } from '../outcome/outcome.ts'
import type { ArrivalPorts, CheckEnding, Finding } from '../ports.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { writeCheck } from './write-check.ts'

export type Found = Omit<Arrival, 'attempts'>

export type EndWait = (
	entry: SettledEntry,
	found: Found,
	candidates: readonly string[],
) => Promise<CheckEnding>

/** Stores the last outcome of an export. */
export function createEndWait(ports: ArrivalPorts): EndWait {
	const { now, deduplicationMs } = ports
	return async (entry, found, candidates) => {
		const event = toArrivalEvent(entry.event, { ...found, attempts: entry.attempts })
		const settled = await writeCheck(
			entry,
			(current) => settle(current, event, now(), deduplicationMs),
			ports,
		)
		return settled === null ? { kind: 'stale' } : { kind: 'outcome', entry: settled, candidates }
	}
}

export function toCompleted({ object }: Finding & { kind: 'found' }, checkedAtMs: number): Found {
	return { state: 'completed', object, error: null, checkedAtMs }
}

/** What is known when the deadline has passed. */
export function toEndOfWait(
	finding: Exclude<Finding, { kind: 'found' }>,
	request: ExportRequest,
	checkedAtMs: number,
): Found {
	const shared = { object: null, checkedAtMs }
	switch (finding.kind) {
		case 'absent': {
			const message = 'the object had not been found when the deadline passed'
			return { state: 'missing', error: new ExportError('NOT_ARRIVED', message), ...shared }
		}
		case 'candidates': {
			const error = new ExportError('OBJECT_AMBIGUOUS', describeCandidates(finding, request))
			return { state: 'unverified', error, candidates: finding.keys, ...shared }
		}
		case 'unreadable': {
			const message = `the bucket could not be read until the deadline passed (${finding.reason})`
			return { state: 'unverified', error: new ExportError('NOT_VERIFIABLE', message), ...shared }
		}
	}
}

/** A longer one is not quoted, since half a prefix would be a wrong one. The event names the keys themselves. */
const MAX_QUOTED_PREFIX = 200

function describeCandidates(
	{ keys: [key = ''], doubt }: Finding & { kind: 'candidates' },
	{ folderPath }: ExportRequest,
): string {
	const found = `${cut(key)} may be this export's object or another's`
	if (doubt === 'shared')
		return `${found}: other instances may write to the same place; use a separate folder for each instance`
	if (doubt === 'contested')
		return `${found}: another export may have put it there; use a separate folder for each instance`
	if (folderPath !== undefined)
		return `${found}: it is not in the folder of the request, which NCP may have ignored`
	const prefix = `${folderOf(key)}{fileName}`
	return `${found}; if it is this one's, set ARRIVAL_KEY_PREFIX to ${prefix.length > MAX_QUOTED_PREFIX ? 'where it lies' : prefix}`
}
