import { describe, expect, it } from 'vitest'
import { ExportError, RequestInvalid } from '../../lib/errors.ts'
import type { ExportEnding } from '../../lib/export/export-backup.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { handleMessage } from '../../lib/queue/handle-message.ts'
import { toDelivery } from '../../lib/request/delivery.ts'
import { acceptedEvent } from '../events.ts'
import { createQueue } from '../fakes.ts'

function handle(
	exportOne: () => Promise<ExportEnding>,
	options: { isLast?: boolean; isRedriven?: boolean } = {},
	queue = createQueue(),
) {
	const delivery = toDelivery('{}', { kind: 'queue', id: 'm-1' }, { regionCode: undefined, ...options })
	const message = { delivery, body: '{}', receiptHandle: 'r-1', receiveCount: 3 }
	const observed: unknown[] = []
	return {
		done: queue.done,
		observed,
		result: handleMessage(message, {
			exportBackup: exportOne,
			queue: queue.queue,
			random: () => 0.5,
			observe: (_delivery, ending) => observed.push(ending),
		}),
	}
}

const exhausted = (id = 'm-1'): OutcomeEvent => {
	const event = acceptedEvent('a')
	return { ...event, data: { ...event.data, state: 'exhausted', trigger: { kind: 'queue', id } } }
}

const published = (event: OutcomeEvent): ExportEnding => ({ kind: 'published', event })

const unpublished = (event: OutcomeEvent): ExportEnding => ({
	kind: 'unpublished',
	event,
	error: new ExportError('PUBLISH_FAILED', 'down'),
})

describe('handleMessage', () => {
	it('acknowledges a finished message, and does nothing else', async () => {
		const { done, result } = handle(async () => published(acceptedEvent('a')))
		await result
		expect(done).toEqual([])
	})

	it('hides a message whose copy the dead-letter queue did not take, and reports it', async () => {
		const queue = createQueue()
		const error = new ExportError('QUEUE_UNAVAILABLE', 'gone')
		queue.queue.deadLetter = () => Promise.reject(error)
		const rejected = { kind: 'rejected', event: acceptedEvent('a'), error: new RequestInvalid([]) } as const
		const { done, observed, result } = handle(async () => rejected, {}, queue)
		await expect(result).rejects.toBe(error)
		expect(observed).toEqual([error])
		expect(done).toEqual([['hide', 'r-1', expect.any(Number)]])
	})

	it('reports a message that could not be hidden', async () => {
		const queue = createQueue()
		const failure = new ExportError('QUEUE_UNAVAILABLE', 'denied')
		queue.queue.hide = async () => failure
		const busy = new ExportError('NCP_LATER', 'busy')
		const { observed, result } = handle(() => Promise.reject(busy), {}, queue)
		await expect(result).rejects.toBe(busy)
		expect(observed).toEqual([failure])
	})

	it('hides a retryable message for longer with each receive', async () => {
		const { done, result } = handle(() => Promise.reject(new ExportError('NCP_LATER', 'busy')))
		await expect(result).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(done).toEqual([['hide', 'r-1', 30]])
	})

	it('copies a rejected message to the dead-letter queue, with the reason, and acknowledges it', async () => {
		const error = new RequestInvalid([{ field: 'fileName', detail: 'is required' }])
		const { done, result } = handle(async () => ({ kind: 'rejected', event: acceptedEvent('a'), error }))
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

	it('fails the last receive of an exhausted message, so that SQS moves it to the dead-letter queue', async () => {
		const { done, result } = handle(async () => published(exhausted()), { isLast: true })
		await expect(result).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(done).toEqual([])
	})

	it.each(['DEADLINE_NEAR', 'IN_PROGRESS'] as const)(
		'sends a message that was not attempted on its last receive as a new one: %s',
		async (code) => {
			const { done, result } = handle(() => Promise.reject(new ExportError(code, '')), { isLast: true })
			await result
			expect(done).toEqual([['send', '{}', expect.objectContaining({ isRedriven: false })]])
		},
	)

	it('acknowledges another message for an exhausted export, even on its last receive', async () => {
		await expect(handle(async () => published(exhausted())).result).resolves.toBeUndefined()
		await expect(
			handle(async () => published(exhausted('m-0')), { isLast: true }).result,
		).resolves.toBeUndefined()
	})

	it('sends a message with an unpublished outcome as a new one on its last receive, and never as redriven', async () => {
		const { done, result } = handle(async () => unpublished(acceptedEvent('a')), {
			isLast: true,
			isRedriven: true,
		})
		await result
		expect(done).toEqual([['send', '{}', expect.objectContaining({ isRedriven: false })]])
	})

	it.each([
		['the message that used up the retries becomes a dead letter', 'm-1', 'NCP_LATER'],
		['any other message for the export is acknowledged', 'm-0', null],
	])('sends a new message for an unpublished "exhausted" outcome: %s', async (_name, triggerId, code) => {
		const { done, result } = handle(async () => unpublished(exhausted(triggerId)), { isLast: true })
		if (code === null) await result
		else await expect(result).rejects.toMatchObject({ code })
		expect(done).toEqual([['send', '{}', expect.anything()]])
	})

	it('backs off after an unexpected error as after any other', async () => {
		const { done, result } = handle(() => Promise.reject(new TypeError('x')))
		await expect(result).rejects.toThrow(TypeError)
		expect(done).toEqual([['hide', 'r-1', 30]])
	})

	it('keeps a rejected message that could not be copied', async () => {
		const error = new RequestInvalid([])
		const rejected: ExportEnding = { kind: 'rejected', event: acceptedEvent('a'), error }
		const failing = createQueue()
		failing.queue.deadLetter = () => Promise.reject(new Error('down'))
		await expect(handle(async () => rejected, {}, failing).result).rejects.toThrow('down')
	})
})
