import type { OutcomeEvent } from '../../../lib/outcome/outcome.ts'
import { DEFAULT_PRODUCT, PRODUCT_NAMES, productsIn, rowOf } from '../../../lib/products.ts'
import { type ApiRequest, fromApiRequest, toApiRequest } from '../../../lib/request/export-request.ts'
import type { StepTimes } from '../../../lib/step-times.ts'
import type { ExportCall, Fault } from '../ncp-simulator.ts'
import { type RowState, STATE_WORDS } from './words.ts'

/** What was seen of one export, from outside. */
export type Sighting =
	/** The ledger was written. */
	| { kind: 'entry'; atMs: number; entry: SeenEntry }
	/** NCP was called. */
	| { kind: 'call'; atMs: number; call: ExportCall; fault: Fault | undefined; isPerformed: boolean }
	/** An outcome came out of the topic. */
	| { kind: 'event'; atMs: number; event: OutcomeEvent }
	/** A function logged how a delivery or a check ended. */
	| { kind: 'log'; atMs: number; line: LogLine }

/** The part of a ledger's entry that is shown as it changes; the whole entry is read when it is asked for. */
export interface SeenEntry {
	exportKey: string
	exportId: string
	fingerprint: string
	state: RowState
	waitsFor: string | null
	attempts: number
	leaseUntilMs: number
	requestedAtMs: number
	resends: number
}

/** A structured log line of a function. */
export interface LogLine extends Readonly<Record<string, unknown>> {
	message: string
	exportId?: string
	check?: number
	trigger?: { kind: string; id: string }
	stepMs?: StepTimes
	code?: string
	reason?: string
	nextInSeconds?: number
}

/** What an export was asked for with. */
export interface RowRequest {
	instanceNo: string
	/** Folder and file name. */
	path: string
	fileName: string
	bucketName: string
	/** In the API's own names, to be sent again. */
	api: ApiRequest
}

export interface TimelineItem {
	atMs: number
	kind: Sighting['kind']
	title: string
	/** One sentence; empty when the title says it all. */
	text: string
	/** How long each step of a delivery or a look took, in milliseconds. */
	stepMs?: StepTimes
	/** The event, or the log line, as it is. */
	raw?: object
}

/** An export as the console shows it. */
export interface ExportRow {
	id: string
	exportKey: string | null
	fingerprint: string | null
	state: RowState
	/** An outcome that nothing follows was published. */
	isEnded: boolean
	request: RowRequest | null
	trigger: { kind: string; id: string } | null
	attempts: number
	firstSeenMs: number
	changedMs: number
	/** Until then no other delivery may call NCP; 0 when nothing is claimed. */
	leaseUntilMs: number
	/** How often NCP was called for it, and how often NCP did it: what the simulator says, not the product. */
	calls: number
	performed: number
	timeline: readonly TimelineItem[]
}

const MAX_ITEMS = 200

/** What is known after one more sighting. Pure: the same sightings make the same row. */
export function toExportRow(before: ExportRow | null, id: string, sighting: Sighting): ExportRow {
	const known = before ?? emptyRow(id, sighting)
	const item = toItem(known, sighting)
	const timeline = item === null ? known.timeline : insert(known.timeline, item)
	return { ...known, ...changesOf(known, sighting), changedMs: sighting.atMs, timeline }
}

function emptyRow(id: string, { kind, atMs }: Sighting): ExportRow {
	return {
		id,
		exportKey: null,
		fingerprint: null,
		// A delivery that could not even claim it.
		state: kind === 'log' ? 'waiting' : 'claimed',
		isEnded: false,
		request: null,
		trigger: null,
		attempts: 0,
		firstSeenMs: atMs,
		changedMs: atMs,
		leaseUntilMs: 0,
		calls: 0,
		performed: 0,
		timeline: [],
	}
}

/** What is seen may reach us out of order. */
function insert(timeline: readonly TimelineItem[], item: TimelineItem): TimelineItem[] {
	const index = timeline.findLastIndex(({ atMs }) => atMs <= item.atMs)
	return timeline.toSpliced(index + 1, 0, item).slice(-MAX_ITEMS)
}

function changesOf(known: ExportRow, sighting: Sighting): Partial<ExportRow> {
	switch (sighting.kind) {
		case 'entry': {
			const { exportKey, fingerprint, state, attempts, leaseUntilMs } = sighting.entry
			const isReopened = state === 'claimed' || state === 'waiting'
			const isEnded = state === 'rejected' || (known.isEnded && !isReopened)
			return { exportKey, fingerprint, state, attempts, leaseUntilMs, isEnded }
		}
		case 'call': {
			const { call, isPerformed } = sighting
			const performed = known.performed + (isPerformed ? 1 : 0)
			return { request: known.request ?? toRequest(call), calls: known.calls + 1, performed }
		}
		case 'event': {
			const { state, terminal, request, trigger, attempts } = sighting.event.data
			// Published again, or late: the ledger is further.
			const isStale = known.isEnded && !terminal
			return {
				...(isStale ? {} : { state, isEnded: terminal }),
				request: request === null ? known.request : toRowRequest(request),
				trigger,
				attempts: Math.max(known.attempts, attempts),
			}
		}
		case 'log': {
			// Whoever asks for it again does not change who asked first.
			const trigger = known.trigger ?? sighting.line.trigger ?? null
			return { trigger, request: known.request ?? requestOf(sighting.line) }
		}
	}
}

function toRowRequest(api: ApiRequest): RowRequest {
	const { instanceNo, fileName, bucketName, folderPath = '' } = fromApiRequest(api)
	return { instanceNo, path: folderPath + fileName, fileName, bucketName, api }
}

/** What a call asked for. */
export function toRequest({
	product: path,
	choices,
	folderPath,
	regionCode,
	...call
}: ExportCall): RowRequest {
	const product = PRODUCT_NAMES.find((name) => rowOf(name).path === path) ?? DEFAULT_PRODUCT
	const { instanceNo, fileName, bucketName } = call
	return toRowRequest({
		...toApiRequest({ product, instanceNo, fileName, chosen: choices, bucketName }),
		...(folderPath === '' ? {} : { folderPath }),
		...(regionCode === '' ? {} : { regionCode }),
	})
}

/** The request that a log line is about; null when it names none. */
export function requestOf(line: LogLine): RowRequest | null {
	const [product] = productsIn(line)
	if (product === undefined) return null
	const { instanceField, fileField, choices } = rowOf(product)
	const names = [instanceField, fileField, ...Object.keys(choices), 'bucketName', 'folderPath', 'regionCode']
	const given = names.filter((name) => typeof line[name] === 'string')
	return toRowRequest(Object.fromEntries(given.map((name) => [name, String(line[name])])))
}

function toItem(known: ExportRow, sighting: Sighting): TimelineItem | null {
	const { atMs, kind } = sighting
	switch (sighting.kind) {
		case 'entry': {
			const words = describeEntry(known, sighting.entry)
			return words === null ? null : { atMs, kind, ...words }
		}
		case 'call':
			return { atMs, kind, title: 'NCP received the call', text: describeCall(sighting) }
		case 'event': {
			const { event } = sighting
			const title = `Published: ${event.data.state}`
			return { atMs, kind, title, text: describeEvent(known, event), raw: event }
		}
		case 'log': {
			const { line } = sighting
			const { stepMs = {} } = line
			return { atMs, kind, title: toLogTitle(line), text: describeLog(line), stepMs, raw: line }
		}
	}
}

function describeEvent({ timeline }: ExportRow, { id, data }: OutcomeEvent): string {
	const isRepeat = timeline.some(({ kind, raw }) => kind === 'event' && (raw as OutcomeEvent).id === id)
	if (isRepeat) return 'The same event again, with the same id: whoever reads the topic can tell.'
	const { meaning } = STATE_WORDS[data.state]
	return data.error === null ? meaning : `${meaning} (${data.error.message})`
}

type Words = Pick<TimelineItem, 'title' | 'text'>

/** Null for a write that changes nothing that is shown. */
function describeEntry({ state: before, timeline }: ExportRow, entry: SeenEntry): Words | null {
	const { state, attempts, waitsFor, resends } = entry
	if (state === 'claimed')
		return {
			title: 'Ledger: claimed',
			text: `Attempt ${attempts}. Until the claim ends, nobody else may call NCP.`,
		}
	if (state === 'waiting') {
		const why = waitsFor === null ? '' : `: ${waitsFor}`
		return { title: 'Ledger: waiting', text: `Certainly not done, free to be tried again${why}.` }
	}
	if (state !== before || timeline.length === 0)
		return { title: `Ledger: ${state}`, text: 'Stored, before it is published.' }
	return resends > 0
		? { title: 'Ledger: sent once more', text: 'It was provably not there. Never a third time.' }
		: null
}

const FAULT_WORDS: Readonly<Record<string, string>> = {
	throttle: 'NCP answered 429: throttled. Nothing was exported.',
	busy: 'NCP answered that it is busy. Nothing was exported.',
	cut: 'NCP exported the backup, but its reply was lost on the way.',
	'perform-then-hang': 'NCP exported the backup; the function was killed before the reply reached it.',
}

function describeCall({ fault, isPerformed }: Sighting & { kind: 'call' }): string {
	if (fault === undefined) return 'NCP exported the backup, and answered.'
	const other = `NCP did not answer as it should. ${isPerformed ? 'It exported the backup.' : 'Nothing was exported.'}`
	return (typeof fault === 'string' ? FAULT_WORDS[fault] : undefined) ?? other
}

function toLogTitle({ message, check, trigger }: LogLine): string {
	if (check !== undefined) return `Look ${check + 1} into the bucket: ${message}`
	return `Delivery by ${trigger?.kind ?? 'queue'}: ${message}`
}

function describeLog({ code, reason, nextInSeconds }: LogLine): string {
	if (nextInSeconds !== undefined) return `The next look is due in ${nextInSeconds} s.`
	return reason === undefined ? '' : `${code}: ${reason}`
}
