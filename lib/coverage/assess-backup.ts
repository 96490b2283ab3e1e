import { CLOCK_TOLERANCE_MS } from '../arrival/evidence.ts'
import { type Entry, isEnded, toExport } from '../ledger/ledger.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { ListedBackup } from '../ports.ts'
import type { ExportRequest } from '../request/export-request.ts'

/** The states of a backup, the most urgent first. */
export const BACKUP_STATES = ['failing', 'due', 'under-way', 'gone', 'running', 'covered'] as const

export type BackupState = (typeof BACKUP_STATES)[number]

/** A backup, and what is known of its copy. */
export interface InspectedBackup extends ListedBackup {
	/** The request that would export it; null when no request can name the file. */
	request: ExportRequest | null
	/** The object that proves it. */
	proof: ArrivedObject | null
	/** Its export, as the ledger holds it. Not read for a backup that is proven. */
	entry: Entry | null
	/** The place of its copy belongs to another instance. */
	isTaken: boolean
}

/** A backup with its state. */
export interface AssessedBackup extends InspectedBackup {
	state: BackupState
	/** Finished, not out, and its grace is over. */
	isBehind: boolean
}

/** Pure and total. */
export function assessBackup(inspected: InspectedBackup, nowMs: number, graceMs: number): AssessedBackup {
	const state = stateOf(inspected, nowMs)
	const isOver = inspected.endedAtMs !== null && inspected.endedAtMs + graceMs <= nowMs
	return { ...inspected, state, isBehind: isOver && NOT_OUT.has(state) }
}

const NOT_OUT: ReadonlySet<BackupState> = new Set(['failing', 'due', 'under-way'])

/**
 * Whether an export was completed by an object that is older than the end of the backup: somebody asked for it too early.
 * Coverage asks only for what NCP lists as finished, so no export that it ordered is premature.
 */
export function isPremature(
	{ endedAtMs }: Pick<ListedBackup, 'endedAtMs'>,
	{ event, coverage }: Entry,
): boolean {
	const object = event?.data.object
	if (coverage === 'ordered' || endedAtMs === null || !object) return false
	return Date.parse(object.lastModified) < endedAtMs - CLOCK_TOLERANCE_MS
}

function stateOf(inspected: InspectedBackup, nowMs: number): BackupState {
	const { endedAtMs, request, proof, entry, isTaken } = inspected
	if (endedAtMs === null) return 'running'
	if (proof !== null) return 'covered'
	const known = toExport(entry, nowMs)
	// It was seen once, and is not there any more: somebody removed it on purpose.
	if (known?.state === 'completed') return isPremature(inspected, known) ? 'failing' : 'gone'
	if (known !== null) return isEnded(known) ? 'failing' : 'under-way'
	return isTaken || request === null ? 'failing' : 'due'
}

/**
 * The requests to send, oldest backup first. An export that is under way and behind is asked for once more: if its message
 * or its check was lost, that moves it on; if not, it changes nothing.
 */
export function requestsFor(backups: readonly AssessedBackup[]): ExportRequest[] {
	return backups
		.filter(({ state, isBehind }) => state === 'due' || (state === 'under-way' && isBehind))
		.sort((a, b) => (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0))
		.flatMap(({ request }) => (request === null ? [] : [request]))
}
