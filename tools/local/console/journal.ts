import type { CoverageEvent } from '../../../lib/coverage/coverage-event.ts'
import type { OutcomeEvent } from '../../../lib/outcome/outcome.ts'
import { toExportIdentity } from '../../../lib/request/export-identity.ts'
import { fromApiRequest } from '../../../lib/request/export-request.ts'
import { isCoverageEvent, type PublishedEvent } from '../../terminal/coverage-row.ts'
import type { TableWrite } from '../embedded-table.ts'
import type { ExportCall, Fault } from '../ncp-simulator.ts'
import {
	type ExportRow,
	type LogLine,
	type RowRequest,
	requestOf,
	type SeenEntry,
	type Sighting,
	toExportRow,
	toRequest,
} from './export-row.ts'

/** An export in the list, without its timeline. */
export type ListedExport = Omit<ExportRow, 'timeline' | 'exportKey' | 'fingerprint'>

/** The newest exports that were asked for. */
export interface ExportsWindow {
	rows: ListedExport[]
	/** The number of exports that are known, and of those that match. */
	total: number
	matching: number
}

export interface WindowQuery {
	/** Left out: every state. */
	state?: string
	/** Instance, file, folder or id, or a part of one. */
	text?: string
}

/** How many deliveries by webhook and by event were logged, what became known, and how many events were published. */
export interface Totals {
	webhook: number
	pipeline: number
	exports: number
	open: number
	published: number
}

/** All that was seen since `npm start`. It watches, and never asks: nothing of the cloud waits for it. */
export interface Journal {
	takeLine: (line: string) => void
	takeWrite: (write: TableWrite) => void
	takeCall: (call: ExportCall, fault: Fault | undefined, isPerformed: boolean) => void
	takeEvent: (event: PublishedEvent) => void
	window: (query: WindowQuery) => ExportsWindow
	find: (id: string) => ExportRow | null
	coverage: () => CoverageEvent['data'][]
	totals: () => Totals
	/** The ids of the exports that have changed since it was asked last. */
	takeChanged: () => string[]
}

export interface JournalOptions {
	/** Milliseconds since the epoch. */
	now: () => number
	/** Part of an export's identity. */
	apiUrl: () => string
	/** The oldest are forgotten. */
	maxExports?: number
	/** Of older ones only the row is kept. */
	maxTimelines?: number
}

const WINDOW = 50

export function createJournal({
	now,
	apiUrl,
	maxExports = 20_000,
	maxTimelines = 2_000,
}: JournalOptions): Journal {
	/** In the order in which they were first seen. */
	const rows = new Map<string, ExportRow>()
	/** The export that last had a fingerprint, or a key. */
	const byFingerprint = new Map<string, string>()
	/** A message whose export is known by now. */
	const aliases = new Map<string, string>()
	const changed = new Set<string>()
	const coverage = new Map<string, CoverageEvent['data']>()
	/** In the same order: the exports whose timeline is kept. */
	const detailed = new Set<string>()
	const totals = { webhook: 0, pipeline: 0, published: 0 }

	const forget = (id: string): void => {
		const fingerprint = rows.get(id)?.fingerprint
		if (fingerprint && byFingerprint.get(fingerprint) === id) byFingerprint.delete(fingerprint)
		rows.delete(id)
		changed.delete(id)
	}

	const take = (id: string, sighting: Sighting): void => {
		const before = rows.get(id)
		const row = toExportRow(before ?? adopt(id, sighting), id, sighting)
		rows.set(id, row)
		changed.add(id)
		if (row.fingerprint !== null) byFingerprint.set(row.fingerprint, id)
		if (before === undefined) makeRoom(id)
	}

	/** A request that waited for the ledger under its message's id becomes an export with its first claim. */
	const adopt = (id: string, sighting: Sighting): ExportRow | null => {
		if (sighting.kind !== 'entry') return null
		const early = rows.get(byFingerprint.get(sighting.entry.fingerprint) ?? '')
		if (early === undefined || early.exportKey !== null) return null
		forget(early.id)
		aliases.set(early.id, id)
		return { ...early, id }
	}

	const makeRoom = (newId: string): void => {
		detailed.add(newId)
		const [oldest = ''] = detailed.size > maxTimelines ? detailed : []
		const row = rows.get(oldest)
		detailed.delete(oldest)
		if (row !== undefined) rows.set(oldest, { ...row, timeline: [] })
		const [first = ''] = rows.size > maxExports ? rows.keys() : []
		forget(first)
	}

	const toFingerprint = (request: RowRequest): string =>
		toExportIdentity(apiUrl(), fromApiRequest(request.api)).fingerprint

	const idOf = (request: RowRequest | null): string | undefined =>
		request === null ? undefined : byFingerprint.get(toFingerprint(request))

	const takeEarly = (line: LogLine): void => {
		const request = requestOf(line)
		// Nothing delivers a webhook call again: its caller has the answer.
		if (request === null || line.trigger?.kind !== 'queue') return
		byFingerprint.set(toFingerprint(request), line.trigger.id)
		take(line.trigger.id, { kind: 'log', atMs: now(), line })
	}

	const newest = (): ExportRow[] => [...rows.values()].reverse()

	return {
		takeLine: (text) => {
			const line = parseLine(text)
			if (line === null) return
			const { trigger, eventId } = line
			// A look into the bucket names the trigger of its export.
			if (line.check === undefined && trigger !== undefined && trigger.kind !== 'queue')
				totals[trigger.kind === 'webhook' ? 'webhook' : 'pipeline']++
			const known = line.exportId ?? (typeof eventId === 'string' ? eventId.split('/')[0] : undefined)
			const id = known ?? idOf(requestOf(line))
			if (id === undefined) takeEarly(line)
			else take(id, { kind: 'log', atMs: now(), line })
		},
		takeWrite: ({ item }) => {
			if (item?.fingerprint === undefined) return
			const entry = item as unknown as SeenEntry
			// The event of a rejected request has a row of its own, named after the trigger.
			const isOnlyClaimed = rows.get(entry.exportId)?.timeline.length === 1
			if (entry.state === 'rejected' && isOnlyClaimed) forget(entry.exportId)
			else take(entry.exportId, { kind: 'entry', atMs: now(), entry })
		},
		takeCall: (call, fault, isPerformed) => {
			const id =
				idOf(toRequest(call)) ?? newest().find((row) => row.state === 'claimed' && row.request === null)?.id
			if (id !== undefined) take(id, { kind: 'call', atMs: now(), call, fault, isPerformed })
		},
		takeEvent: (event) => {
			totals.published++
			if (isCoverageEvent(event)) coverage.set(`${event.data.policy}/${event.data.instanceNo}`, event.data)
			else take(idOfEvent(event), { kind: 'event', atMs: now(), event })
		},
		window: (query) => {
			const matching = newest().filter((row) => isMatch(row, query))
			return { rows: matching.slice(0, WINDOW).map(toListed), total: rows.size, matching: matching.length }
		},
		find: (id) => rows.get(aliases.get(id) ?? id) ?? null,
		coverage: () => [...coverage.values()].sort((a, b) => (a.instanceNo < b.instanceNo ? -1 : 1)),
		totals: () => ({
			...totals,
			exports: rows.size,
			open: rows.values().reduce((sum, { isEnded }) => sum + (isEnded ? 0 : 1), 0),
		}),
		takeChanged: () => {
			const all = [...changed]
			changed.clear()
			return all
		},
	}
}

/** A rejected request has no export; its event is named after its trigger. */
function idOfEvent({ id, data }: OutcomeEvent): string {
	return data.exportId ?? id.slice(0, id.lastIndexOf('/'))
}

/** Null for metrics and other lines that tell of no export. */
function parseLine(text: string): LogLine | null {
	if (!text.startsWith('{"level"')) return null
	try {
		const line = JSON.parse(text) as LogLine
		return line.stepMs === undefined ? null : line
	} catch {
		// A process that was killed may leave half a line.
		return null
	}
}

function isMatch({ id, state, request }: ExportRow, query: WindowQuery): boolean {
	if (query.state && state !== query.state) return false
	if (!query.text) return true
	const text = `${id} ${request?.instanceNo ?? ''} ${request?.path ?? ''}`
	return text.includes(query.text)
}

function toListed({
	timeline: _timeline,
	exportKey: _key,
	fingerprint: _print,
	...row
}: ExportRow): ListedExport {
	return row
}
