import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { createClaimExport } from '../../lib/export/claim-export.ts'
import { createSettleExport, type Ending } from '../../lib/export/settle-export.ts'
import { type Entry, UNSETTLED_MS } from '../../lib/ledger/ledger.ts'
import type { ExportPorts } from '../../lib/ports.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import { createExportPorts, createMemoryLedger, interceptWrites, overtake, replyWith } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)
const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: 'f', bucketName: 'my-bucket' }
const delivery = toDelivery(
	REQUEST,
	{ kind: 'queue', id: 'm-1' },
	{ regionCode: 'KR', traceparent: '00-trace' },
)
const ACCEPTED: Ending = {
	state: 'accepted',
	reply: replyWith(200, { r: { requestId: 'r-1', returnCode: '0' } }),
	error: null,
}

/** An export that is claimed, and settles through ports that may be others. */
async function start() {
	if (delivery.kind === 'invalid') throw delivery.error
	const ledger = createMemoryLedger()
	const ports = createExportPorts({ ledger, now: () => NOW })
	const claimed = await createClaimExport(ports)(delivery)
	if (claimed.kind !== 'ours') throw new Error('the ledger is new')
	const settle = (ending = ACCEPTED, changes: Partial<ExportPorts> = {}) =>
		createSettleExport({ ...ports, ...changes })(claimed.entry, ending, delivery)
	return { ledger, entry: claimed.entry, settle, stored: () => [...ledger.entries.values()] }
}

describe('createSettleExport', () => {
	it('stores the outcome, and gives what is stored', async () => {
		const { settle, stored } = await start()
		const settled = await settle()
		expect(stored()).toEqual([settled])
		expect(settled).toMatchObject({
			exportId: 'export-1',
			state: 'accepted',
			attempts: 1,
			leaseUntilMs: 0,
			expiresAtMs: NOW + UNSETTLED_MS,
			event: {
				id: 'export-1/accepted',
				traceparent: '00-trace',
				data: {
					reply: { requestId: 'r-1' },
					error: null,
					trigger: { kind: 'queue', id: 'm-1' },
					requestedAt: '2026-11-23T00:00:00.000Z',
					settledAt: '2026-11-23T00:00:00.000Z',
				},
			},
		})
	})

	it.each([
		['refused', new ExportError('NCP_REFUSED', 'no such instance')],
		['unknown', new ExportError('NCP_UNKNOWN', 'lost')],
		['exhausted', new ExportError('NCP_LATER', 'busy')],
	] as const)('stores why it is %s', async (state, error) => {
		const { settle, stored } = await start()
		await settle({ state, reply: null, error })
		expect(stored()).toMatchObject([
			{ state, event: { data: { state, error: { code: error.code, message: error.message } } } },
		])
	})

	it('is the end of an accepted export unless an arrival check follows', async () => {
		const { settle } = await start()
		expect((await settle()).event.data.terminal).toBe(true)
		const arrival = { schedule: async () => undefined, deadlineMs: 1 }
		const checked = await (await start()).settle(ACCEPTED, { arrival })
		expect(checked.event.data.terminal).toBe(false)
	})

	it('retries settling when the table does not answer at first', async () => {
		const { ledger, settle, stored } = await start()
		let failures = 3
		const flaky = interceptWrites(ledger, (phase) => {
			if (phase === 'before' && failures-- > 0) throw new ExportError('LEDGER_UNAVAILABLE', 'slow')
		})
		await settle(ACCEPTED, { ledger: flaky })
		expect(stored()).toMatchObject([{ state: 'accepted', event: { data: { state: 'accepted' } } }])
	})

	it('knows its own outcome when the answer to writing it was lost', async () => {
		const { ledger, settle, stored } = await start()
		let isLost = true
		const lossy = interceptWrites(ledger, (phase) => {
			if (phase === 'before' || !isLost) return
			isLost = false
			throw new ExportError('LEDGER_UNAVAILABLE', 'the answer is lost')
		})
		expect([await settle(ACCEPTED, { ledger: lossy })]).toEqual(stored())
	})

	it('stops retrying to settle when no time is left', async () => {
		const { ledger, settle } = await start()
		const down = interceptWrites(ledger, () => {
			throw new ExportError('LEDGER_UNAVAILABLE', 'down')
		})
		await expect(settle(ACCEPTED, { ledger: down })).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
			mayBeDone: true,
			cause: { message: 'down' },
		})
	})

	it('gives what another delivery stored when the lease ran out', async () => {
		const { ledger, settle, stored } = await start()
		const event = acceptedEvent('export-1')
		const overtaken = overtake(ledger, () => ({ state: 'unknown', event }))
		expect(await settle(ACCEPTED, { ledger: overtaken })).toMatchObject({ state: 'unknown', event })
		expect(stored()).toMatchObject([{ state: 'unknown', event }])
	})

	it('says that the export may be done when its entry is gone', async () => {
		const { ledger, settle } = await start()
		await expect(settle(ACCEPTED, { ledger: overtake(ledger, () => 'gone') })).rejects.toMatchObject({
			code: 'IN_PROGRESS',
			mayBeDone: true,
		})
	})

	it('says that the export may be done when what another delivery stored cannot be read', async () => {
		const { ledger, settle } = await start()
		const overtaken = overtake(ledger, () => ({ event: null }))
		const read = async () => {
			throw new ExportError('LEDGER_UNAVAILABLE', 'down')
		}
		await expect(settle(ACCEPTED, { ledger: { ...overtaken, read } })).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
			mayBeDone: true,
		})
	})

	it.each<[string, Partial<Entry>]>([
		['has claimed the export', { event: null }],
		['stored another export under its key', { exportId: 'e-2', event: acceptedEvent('e-2') }],
	])('comes back later when another delivery %s', async (_name, change) => {
		const { ledger, settle } = await start()
		await expect(settle(ACCEPTED, { ledger: overtake(ledger, () => change) })).rejects.toMatchObject({
			code: 'IN_PROGRESS',
		})
	})
})
