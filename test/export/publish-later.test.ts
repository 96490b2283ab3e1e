import { expect, it } from 'vitest'
import type { RequestQueue } from '../../lib/aws/sqs.ts'
import { ExportError, RequestInvalid } from '../../lib/errors.ts'
import { PublishFailed } from '../../lib/export/export-backup.ts'
import { publishLater } from '../../lib/export/publish-later.ts'
import { toRejectedEvent } from '../../lib/outcome/rejected-outcome.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'

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
const sent: unknown[][] = []
const queue = { send: async (...args: unknown[]) => void sent.push(args) } as unknown as RequestQueue

it('puts the bare request on the queue and gives the stored event', async () => {
	const event = acceptedEvent('a')
	expect(await publishLater(new PublishFailed(event, null), delivery, queue)).toBe(event)
	expect(sent).toEqual([
		[JSON.stringify({ regionCode: 'KR', ...REQUEST }), expect.objectContaining({ traceparent: '00-trace' })],
	])
})

it('puts on the queue what may be done but could not be settled, and says so', async () => {
	const unsettled = new ExportError('LEDGER_UNAVAILABLE', 'down', { mayBeDone: true })
	const before = sent.length
	await expect(publishLater(unsettled, delivery, queue)).rejects.toBe(unsettled)
	expect(sent).toHaveLength(before + 1)
})

it.each(['NCP_LATER', 'LEDGER_UNAVAILABLE'] as const)(
	'leaves %s as it is: nothing was done',
	async (code) => {
		const later = new ExportError(code, 'busy')
		const before = sent.length
		await expect(publishLater(later, delivery, queue)).rejects.toBe(later)
		expect(sent).toHaveLength(before)
	},
)

it('leaves a rejected request to its caller', async () => {
	const error = new RequestInvalid([])
	const event = toRejectedEvent({
		error,
		original: '',
		trigger: delivery.trigger,
		traceparent: undefined,
		rejectedAtMs: 0,
	})
	const failed = new PublishFailed(event, null)
	await expect(publishLater(failed, delivery, queue)).rejects.toBe(failed)
})

it('says that publishing failed when the queue does not take it either', async () => {
	const failed = new PublishFailed(acceptedEvent('a'), new ExportError('PUBLISH_FAILED', 'down'))
	const full = { send: () => Promise.reject(new Error('down')) } as unknown as RequestQueue
	await expect(publishLater(failed, delivery, full)).rejects.toBe(failed)
})

it('shows the event to nobody who lists the error’s properties', () => {
	expect(JSON.stringify({ ...new PublishFailed(acceptedEvent('swordfish'), null) })).not.toContain(
		'swordfish',
	)
})
