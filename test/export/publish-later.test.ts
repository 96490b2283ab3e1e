import { beforeEach, expect, it } from 'vitest'
import { ExportError, RequestInvalid } from '../../lib/errors.ts'
import type { ExportEnding } from '../../lib/export/export-backup.ts'
import { publishLater } from '../../lib/export/publish-later.ts'
import { toDelivery, toInvalid } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import { createQueue } from '../fakes.ts'

const REQUEST = {
	cloudPostgresqlInstanceNo: '1',
	fileName: 'f',
	bucketName: 'my-bucket',
	idempotencyKey: 'k',
}
const delivery = toDelivery(
	{ detail: REQUEST },
	{ kind: 'webhook', id: 'q-1' },
	{ regionCode: 'KR', traceparent: '00-trace' },
)
const event = acceptedEvent('a')
const error = new ExportError('PUBLISH_FAILED', 'down')
const unpublished: ExportEnding = { kind: 'unpublished', event, error }

let { queue, done } = createQueue()
beforeEach(() => {
	;({ queue, done } = createQueue())
})

it('queues the bare request, with the API’s field names, and returns the stored event', async () => {
	expect(await publishLater(Promise.resolve(unpublished), delivery, queue)).toBe(unpublished)
	const [name, body, marks] = done[0] ?? []
	expect([name, JSON.parse(String(body))]).toEqual(['send', { regionCode: 'KR', ...REQUEST }])
	expect(marks).toMatchObject({ traceparent: '00-trace' })
})

it('queues nothing when the outcome is published', async () => {
	const published: ExportEnding = { kind: 'published', event }
	expect(await publishLater(Promise.resolve(published), delivery, queue)).toBe(published)
	expect(done).toEqual([])
})

it('queues a request that NCP may have done but whose outcome could not be stored, and rethrows', async () => {
	const unsaved = new ExportError('LEDGER_UNAVAILABLE', 'down', { mayBeDone: true })
	await expect(publishLater(Promise.reject(unsaved), delivery, queue)).rejects.toBe(unsaved)
	expect(done).toHaveLength(1)
})

it.each(['NCP_LATER', 'LEDGER_UNAVAILABLE'] as const)(
	'rethrows %s and queues nothing, because nothing was done',
	async (code) => {
		const later = new ExportError(code, 'busy')
		await expect(publishLater(Promise.reject(later), delivery, queue)).rejects.toBe(later)
		expect(done).toEqual([])
	},
)

it('does not queue a rejected request that could not be published', async () => {
	if (delivery.kind !== 'valid') throw new Error('the request is valid')
	const invalid = toInvalid(delivery, new RequestInvalid([]))
	await expect(publishLater(Promise.reject(error), invalid, queue)).rejects.toBe(error)
	expect(done).toEqual([])
})

it('throws PUBLISH_FAILED when the queue does not accept the request either', async () => {
	const full = { send: () => Promise.reject(new Error('down')) }
	await expect(publishLater(Promise.resolve(unpublished), delivery, full)).rejects.toBe(error)
})
