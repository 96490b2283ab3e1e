import { describe, expect, it } from 'vitest'
import type { RequestQueue } from '../../lib/aws/sqs.ts'
import { ExportError, RequestInvalid } from '../../lib/errors.ts'
import { PublishFailed } from '../../lib/export/export-backup.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { toRejectedEvent } from '../../lib/outcome/rejected-outcome.ts'
import { handleMessage } from '../../lib/queue/handle-message.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'

/** A queue that keeps what it is asked to do. */
function createQueue() {
	const done: unknown[][] = []
	const queue: RequestQueue = {
		send: async (...args) => void done.push(['send', ...args]),
		hide: async (...args) => void done.push(['hide', ...args]),
		deadLetter: async (...args) => void done.push(['deadLetter', ...args]),
	}
	return { queue, done }
}

function handle(
	exportOne: () => Promise<OutcomeEvent>,
	options: { isLast?: boolean; isRedriven?: boolean } = {},
	queue = createQueue(),
) {
	const delivery = toDelivery('{}', { kind: 'queue', id: 'm-1' }, { regionCode: undefined, ...options })
	const message = { delivery, body: '{}', receiptHandle: 'r-1', receiveCount: 3 }
	return {
		done: queue.done,
		result: handleMessage(message, exportOne, queue.queue, () => 0.5),
	}
}

const exhausted = (id = 'm-1'): OutcomeEvent => {
	const event = acceptedEvent('a')
	return { ...event, data: { ...event.data, state: 'exhausted', trigger: { kind: 'queue', id } } }
}

describe('handleMessage', () => {
	it('acknowledges what is finished, and does nothing more', async () => {
		const { done, result } = handle(async () => acceptedEvent('a'))
		await result
		expect(done).toEqual([])
	})

	it('hides what must come again, for longer with each receive', async () => {
		const { done, result } = handle(() => Promise.reject(new ExportError('NCP_LATER', 'busy')))
		await expect(result).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(done).toEqual([['hide', 'r-1', 30]])
	})

	it('copies a rejected message to the dead-letter queue, with the reason, and acknowledges it', async () => {
		const error = new RequestInvalid([{ field: 'fileName', detail: 'is required' }])
		const event = toRejectedEvent({
			error,
			original: '{}',
			trigger: { kind: 'queue', id: 'm-1' },
			traceparent: undefined,
			rejectedAtMs: 0,
		})
		const { done, result } = handle(async () => event)
		await result
		expect(done).toEqual([
			[
				'deadLetter',
				'{}',
				expect.objectContaining({ trigger: { kind: 'queue', id: 'm-1' } }),
				expect.objectContaining({ code: 'REQUEST_INVALID', message: 'fileName is required' }),
			],
		])
	})

	it('fails the last receive of what is exhausted, so that the queue moves it to the dead letters', async () => {
		const { done, result } = handle(async () => exhausted(), { isLast: true })
		await expect(result).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(done).toEqual([])
	})

	it.each(['DEADLINE_NEAR', 'IN_PROGRESS'] as const)(
		'sends anew what had no chance on its last receive: %s',
		async (code) => {
			const { done, result } = handle(() => Promise.reject(new ExportError(code, '')), { isLast: true })
			await result
			expect(done).toEqual([['send', '{}', expect.objectContaining({ isRedriven: false })]])
		},
	)

	it('acknowledges another message about an export that is exhausted, also on its last receive', async () => {
		await expect(handle(async () => exhausted()).result).resolves.toBeUndefined()
		await expect(handle(async () => exhausted('m-0'), { isLast: true }).result).resolves.toBeUndefined()
	})

	it('sends an outcome that could not be published anew on its last receive, and never as redriven', async () => {
		const failed = (event: OutcomeEvent) => () => Promise.reject(new PublishFailed(event, null))
		const { done, result } = handle(failed(acceptedEvent('a')), { isLast: true, isRedriven: true })
		await result
		expect(done).toEqual([['send', '{}', expect.objectContaining({ isRedriven: false })]])
	})

	it.each([
		['the message that used up the retries becomes a dead letter', 'm-1', 'NCP_LATER'],
		['any other message about it is acknowledged', 'm-0', null],
	])('sends an unpublished "exhausted" anew: %s', async (_name, triggerId, code) => {
		const failed = new PublishFailed(exhausted(triggerId), null)
		const { done, result } = handle(() => Promise.reject(failed), { isLast: true })
		if (code === null) await result
		else await expect(result).rejects.toMatchObject({ code })
		expect(done).toEqual([['send', '{}', expect.anything()]])
	})

	it('backs off from what nobody foresaw, as from anything else', async () => {
		const { done, result } = handle(() => Promise.reject(new TypeError('x')))
		await expect(result).rejects.toThrow(TypeError)
		expect(done).toEqual([['hide', 'r-1', 30]])
	})

	it('keeps a rejected message whose copy could not be made', async () => {
		const error = new RequestInvalid([])
		const event = toRejectedEvent({
			error,
			original: '',
			trigger: { kind: 'queue', id: 'm' },
			traceparent: undefined,
			rejectedAtMs: 0,
		})
		const failing = createQueue()
		failing.queue.deadLetter = () => Promise.reject(new Error('down'))
		await expect(handle(async () => event, {}, failing).result).rejects.toThrow('down')
	})
})
