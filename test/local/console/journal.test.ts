import { describe, expect, it } from 'vitest'
import type { CoverageEvent } from '../../../lib/coverage/coverage-event.ts'
import { toExportIdentity } from '../../../lib/request/export-identity.ts'
import { fromApiRequest } from '../../../lib/request/export-request.ts'
import { createJournal, type JournalOptions } from '../../../tools/local/console/journal.ts'
import { event, toCall } from './sightings.ts'

const API = 'http://127.0.0.1:1'
const REQUEST = {
	cloudPostgresqlInstanceNo: '1',
	fileName: 'a',
	bucketName: 'my-bucket',
	folderPath: '1/',
	regionCode: 'KR',
}

const create = (options: Partial<JournalOptions> = {}) =>
	createJournal({ now: () => 0, apiUrl: () => API, ...options })

const written = (exportId: string, changes: object = {}) => ({
	exportKey: `key-${exportId}`,
	item: {
		exportKey: `key-${exportId}`,
		exportId,
		fingerprint: toExportIdentity(API, fromApiRequest(REQUEST)).fingerprint,
		state: 'claimed',
		attempts: 1,
		leaseUntilMs: 60_000,
		...changes,
	},
})

const line = (fields: object): string =>
	JSON.stringify({ level: 'INFO', message: 'm', stepMs: {}, ...fields })

const fill = (journal: ReturnType<typeof create>, count: number): void => {
	for (let nth = 0; nth < count; nth++) {
		const made = event(nth % 2 === 0 ? 'accepted' : 'completed', nth % 2 === 1, `export-${nth}`)
		journal.takeEvent({ ...made, data: { ...made.data, request: { ...REQUEST, fileName: `file-${nth}` } } })
	}
}

describe('what belongs together', () => {
	it('finds the export of a call by what was asked for', () => {
		const journal = create()
		journal.takeWrite(written('one'))
		journal.takeCall(toCall(REQUEST), undefined, true)
		expect(journal.find('one')).toMatchObject({ calls: 1, performed: 1, request: { fileName: 'a' } })
	})

	it('finds the export of a call with an idempotency key by its claim', () => {
		const journal = create()
		journal.takeWrite(written('keyed', { fingerprint: 'of a request that the call does not tell' }))
		journal.takeCall(toCall(REQUEST), undefined, true)
		expect(journal.find('keyed')?.calls).toBe(1)
	})

	it('finds the export of a delivery that came while it was claimed', () => {
		const journal = create()
		journal.takeWrite(written('one'))
		journal.takeLine(line({ message: 'export not finished', code: 'IN_PROGRESS', reason: 'r', ...REQUEST }))
		expect(journal.find('one')?.timeline[1]?.text).toBe('IN_PROGRESS: r')
	})

	it('shows a message that waits for the ledger, and its export under both ids afterwards', () => {
		const journal = create()
		const early = { message: 'export not finished', code: 'LEDGER_UNAVAILABLE', reason: 'r', ...REQUEST }
		for (let delivery = 0; delivery < 2; delivery++)
			journal.takeLine(line({ ...early, trigger: { kind: 'queue', id: 'message' } }))
		expect(journal.find('message')).toMatchObject({ state: 'waiting', exportKey: null })
		journal.takeWrite(written('one'))
		expect(journal.find('one')?.timeline).toHaveLength(3)
		expect(journal.find('message')).toBe(journal.find('one'))
		expect(journal.window({}).rows.map(({ id }) => id)).toEqual(['one'])
	})

	it('does not show a webhook call as waiting: nothing delivers it again', () => {
		const journal = create()
		journal.takeLine(line({ ...REQUEST, trigger: { kind: 'webhook', id: 'call' } }))
		expect(journal.window({}).total).toBe(0)
	})

	it('shows a rejected request under its message, with event and log line', () => {
		const journal = create()
		journal.takeEvent(event('rejected', true, null))
		journal.takeLine(line({ message: 'export rejected', eventId: 'message/rejected' }))
		expect(journal.find('message')).toMatchObject({ state: 'rejected', isEnded: true })
		expect(journal.find('message')?.timeline).toHaveLength(2)
	})

	it('has one row for a request whose claim ends as rejected: that of its event', () => {
		const journal = create()
		journal.takeWrite(written('one'))
		journal.takeWrite(written('one', { state: 'rejected' }))
		journal.takeEvent(event('rejected', true, null))
		expect(journal.find('one')).toBeNull()
		expect(journal.find('message')).toMatchObject({ state: 'rejected', isEnded: true })
	})

	it('keeps what happened before to an export that ends as rejected', () => {
		const journal = create()
		journal.takeWrite(written('one'))
		journal.takeWrite(written('one', { state: 'waiting' }))
		journal.takeWrite(written('one', { attempts: 2 }))
		journal.takeWrite(written('one', { state: 'rejected' }))
		expect(journal.find('one')).toMatchObject({ state: 'rejected', isEnded: true })
		expect(journal.totals()).toMatchObject({ exports: 1, open: 0 })
	})

	it('takes no metrics, no half lines and no other items', () => {
		const journal = create()
		journal.takeLine('{"_aws":{},"Export_accepted":1}')
		journal.takeLine('{"level":"INFO","mess')
		journal.takeLine('text')
		journal.takeWrite({ exportKey: 'destination#1', item: { heldBy: 'x' } })
		expect(journal.totals()).toEqual({ webhook: 0, pipeline: 0, exports: 0, open: 0, published: 0 })
	})
})

describe('the window', () => {
	it('shows the newest fifty of all, and says how many there are', () => {
		const journal = create()
		fill(journal, 120)
		const { rows, total, matching } = journal.window({})
		expect([rows.length, total, matching]).toEqual([50, 120, 120])
		expect(rows[0]?.id).toBe('export-119')
		expect(rows[0]).not.toHaveProperty('timeline')
	})

	it('finds by state, and by instance, file or folder', () => {
		const journal = create()
		fill(journal, 120)
		expect(journal.window({ state: 'completed' })).toMatchObject({ matching: 60 })
		expect(journal.window({ text: 'file-7' })).toMatchObject({ matching: 11 })
		expect(journal.window({ text: '1/file-119' }).rows.map(({ id }) => id)).toEqual(['export-119'])
		expect(journal.window({ state: 'missing' })).toMatchObject({ rows: [], matching: 0, total: 120 })
	})

	it('forgets the oldest exports, and before that their timelines', () => {
		const journal = create({ maxExports: 100, maxTimelines: 10 })
		fill(journal, 120)
		expect(journal.window({}).total).toBe(100)
		expect(journal.find('export-19')).toBeNull()
		expect(journal.find('export-109')?.timeline).toEqual([])
		expect(journal.find('export-110')?.timeline).toHaveLength(1)
		expect(journal.takeChanged()).toHaveLength(100)
	})
})

it('counts deliveries by webhook and by event, but not the looks after them', () => {
	const journal = create()
	journal.takeLine(line({ exportId: 'a', trigger: { kind: 'webhook', id: '1' } }))
	journal.takeLine(line({ exportId: 'a', check: 0, trigger: { kind: 'webhook', id: '1' } }))
	journal.takeLine(line({ exportId: 'b', trigger: { kind: 'direct', id: '2' } }))
	journal.takeLine(line({ exportId: 'c', trigger: { kind: 'queue', id: '3' } }))
	expect(journal.totals()).toMatchObject({ webhook: 1, pipeline: 1, exports: 3, open: 3 })
})

it('says once which exports have changed', () => {
	const journal = create()
	journal.takeWrite(written('one'))
	journal.takeWrite(written('one', { state: 'accepted' }))
	expect(journal.takeChanged()).toEqual(['one'])
	expect(journal.takeChanged()).toEqual([])
})

it('keeps the newest coverage of each instance', () => {
	const journal = create()
	const swept = (instanceNo: string, state: 'behind' | 'covered') =>
		({
			type: 'ncp.backup.coverage.v1',
			data: { policy: 'local', instanceNo, state },
		}) as CoverageEvent
	for (const each of [swept('2', 'behind'), swept('1', 'behind'), swept('2', 'covered')])
		journal.takeEvent(each)
	expect(journal.coverage().map(({ instanceNo, state }) => [instanceNo, state])).toEqual([
		['1', 'behind'],
		['2', 'covered'],
	])
})
