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

it('puts the bare request on the queue, in the API’s names, and gives the stored event', async () => {
	expect(await publishLater(Promise.resolve(unpublished), delivery, queue)).toBe(unpublished)
	const [name, body, marks] = done[0] ?? []
	expect([name, JSON.parse(String(body))]).toEqual(['send', { regionCode: 'KR', ...REQUEST }])
	expect(marks).toMatchObject({ traceparent: '00-trace' })
})

it('leaves alone what is published', async () => {
	const published: ExportEnding = { kind: 'published', event }
	expect(await publishLater(Promise.resolve(published), delivery, queue)).toBe(published)
	expect(done).toEqual([])
})

it('puts on the queue what may be done but could not be stored, and says so', async () => {
	const unsaved = new ExportError('LEDGER_UNAVAILABLE', 'down', { mayBeDone: true })
	await expect(publishLater(Promise.reject(unsaved), delivery, queue)).rejects.toBe(unsaved)
	expect(done).toHaveLength(1)
})

it.each(['NCP_LATER', 'LEDGER_UNAVAILABLE'] as const)(
	'leaves %s as it is: nothing was done',
	async (code) => {
		const later = new ExportError(code, 'busy')
		await expect(publishLater(Promise.reject(later), delivery, queue)).rejects.toBe(later)
		expect(done).toEqual([])
	},
)

it('leaves a rejected request that could not be published to its caller', async () => {
	if (delivery.kind !== 'valid') throw new Error('the request is valid')
	const invalid = toInvalid(delivery, new RequestInvalid([]))
	await expect(publishLater(Promise.reject(error), invalid, queue)).rejects.toBe(error)
	expect(done).toEqual([])
})

it('says that publishing failed when the queue does not take the request either', async () => {
	const full = { send: () => Promise.reject(new Error('down')) }
	await expect(publishLater(Promise.resolve(unpublished), delivery, full)).rejects.toBe(error)
})
