import type { OutcomeEvent } from '../../../lib/outcome/outcome.ts'
import type { LogLine, SeenEntry, Sighting } from '../../../tools/local/console/export-row.ts'
import type { ExportCall, Fault } from '../../../tools/local/ncp-simulator.ts'

export const ID = '01M84ZA801EW2XZC8GJJ7CTSGN'

const REQUEST = {
	cloudPostgresqlInstanceNo: '1234925',
	fileName: '20210528',
	bucketName: 'my-bucket',
	folderPath: '1234925/',
	regionCode: 'KR',
}

/** The same, as the simulator saw it. */
export const toCall = ({
	cloudPostgresqlInstanceNo: instanceNo,
	...rest
}: {
	cloudPostgresqlInstanceNo: string
	fileName: string
	bucketName: string
	folderPath: string
	regionCode: string
}): ExportCall => ({ ...rest, product: 'vpostgresql', instanceNo, choices: {}, atMs: 0, nth: 1 })

/** What an export leaves behind, one sighting a second. */
export function toSightings(seen: readonly Partial<Sighting>[]): Sighting[] {
	return seen.map((each, index) => ({ atMs: index * 1000, ...each }) as Sighting)
}

export const entry = (state: SeenEntry['state'], changes: Partial<SeenEntry> = {}): Partial<Sighting> => ({
	kind: 'entry',
	entry: {
		exportKey: 'key',
		exportId: ID,
		fingerprint: 'print',
		state,
		waitsFor: null,
		attempts: 1,
		leaseUntilMs: state === 'claimed' ? 60_000 : 0,
		requestedAtMs: 0,
		resends: 0,
		...changes,
	},
})

export const call = (fault?: Fault, isPerformed = fault === undefined): Partial<Sighting> => ({
	kind: 'call',
	call: toCall(REQUEST),
	fault,
	isPerformed,
})

export const event = (
	state: OutcomeEvent['data']['state'],
	terminal: boolean,
	exportId: string | null = ID,
): OutcomeEvent => ({
	specversion: '1.0',
	id: `${exportId ?? 'message'}/${state}`,
	source: '/ncp/vpostgresql/KR/1234925',
	type: `ncp.backup.export.${state}.v1`,
	time: '2026-11-25T10:00:00.000Z',
	datacontenttype: 'application/json',
	data: {
		exportId,
		state,
		terminal,
		request: exportId === null ? null : REQUEST,
		reply: null,
		error: null,
		object: null,
		attempts: 1,
		trigger: { kind: 'queue', id: 'message' },
		requestedAt: '2026-11-25T10:00:00.000Z',
		settledAt: '2026-11-25T10:00:00.000Z',
	},
})

export const published = (state: OutcomeEvent['data']['state'], terminal: boolean): Partial<Sighting> => ({
	kind: 'event',
	event: event(state, terminal),
})

export const log = (message: string, changes: Partial<LogLine> = {}): Partial<Sighting> => ({
	kind: 'log',
	line: {
		level: 'INFO',
		message,
		exportId: ID,
		trigger: { kind: 'queue', id: 'message' },
		stepMs: { claim: 3, call: 4 },
		...REQUEST,
		...changes,
	},
})
