import { setTimeout as sleep } from 'node:timers/promises'
import { TRANSIENT_ERROR_CODES } from '../aws-error.ts'
import type { Deadline } from '../deadline.ts'
import { cut, ExportError, toReason } from '../errors.ts'
import { type OutcomeEvent, serializeEvent } from '../outcome/outcome.ts'
import type { Publish, SendToTopic, TopicMessage } from '../ports.ts'
import { PRODUCTS, productOf } from '../products.ts'
import type { PublishBatch } from './sns.ts'

/** SNS limits of one PublishBatch: entries, and bytes of all of them together. https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
const MAX_ENTRIES = 10
const MAX_BATCH_BYTES = 256 * 1024

const MAX_ATTEMPTS = 3
const BASE_DELAY_MS = 50

interface Waiting {
	/** The caller has its answer, and no longer waits. */
	isSettled: boolean
	message: TopicMessage
	resolve: () => void
	reject: (error: ExportError) => void
}

/** Publishes outcomes, with their attributes. */
export function createPublish(sendToTopic: SendToTopic): Publish {
	return (event) => sendToTopic({ message: serializeEvent(event), attributes: toAttributes(event) })
}

/**
 * Sends messages before a deadline. Those that are ready in one turn of the event loop go out as one PublishBatch: none
 * waits for a slower one, and each fails on its own.
 */
export function createTopic(send: PublishBatch, deadline: Deadline): SendToTopic {
	let waiting: Waiting[] = []

	const flush = (): void => {
		const ready = waiting.filter(({ isSettled }) => !isSettled)
		waiting = []
		for (const batch of toBatches(ready)) void publishBatch(send, batch)
	}

	return (message) => {
		const timeoutMs = deadline.leftMs()
		const { promise, resolve, reject } = Promise.withResolvers<void>()
		if (timeoutMs <= 0) return Promise.reject(failed('no time was left'))
		const item: Waiting = { message, isSettled: false, resolve, reject }
		const timer = setTimeout(() => reject(failed(`no answer within ${timeoutMs} ms`)), timeoutMs)
		if (waiting.length === 0) setImmediate(flush)
		waiting.push(item)
		return promise.finally(() => {
			item.isSettled = true
			clearTimeout(timer)
		})
	}
}

function toBatches(waiting: readonly Waiting[]): Waiting[][] {
	const batches: Waiting[][] = []
	let bytes = 0
	for (const item of waiting) {
		// 2 KiB is more than all attributes of an event can hold.
		const size = Buffer.byteLength(item.message.message) + 2_048
		const last = batches.at(-1)
		if (last !== undefined && last.length < MAX_ENTRIES && bytes + size <= MAX_BATCH_BYTES) {
			last.push(item)
			bytes += size
		} else {
			batches.push([item])
			bytes = size
		}
	}
	return batches
}

async function publishBatch(send: PublishBatch, batch: Waiting[]): Promise<void> {
	let left = batch
	for (let attempt = 1; left.length > 0; attempt++) {
		try {
			left = settleBatch(left, await send(left.map(({ message }) => message)), attempt === MAX_ATTEMPTS)
		} catch (error) {
			// The caller of AWS has used up its tries; the whole batch shares this failure.
			for (const item of left) item.reject(failed(toReason(error), error))
			return
		}
		if (left.length > 0) await sleep(Math.random() * BASE_DELAY_MS * 2 ** attempt)
		left = left.filter(({ isSettled }) => !isSettled)
	}
}

/** Settles the entries whose result is final, and returns those that are worth another try. */
function settleBatch(batch: Waiting[], results: readonly (string | null)[], isLast: boolean): Waiting[] {
	return batch.filter((item, index) => {
		const code = results[index]
		if (code === null) {
			item.resolve()
			return false
		}
		if (!isLast && TRANSIENT_ERROR_CODES.has(code ?? '')) return true
		item.reject(failed(cut(code ?? 'no result')))
		return false
	})
}

function failed(reason: string, cause?: unknown): ExportError {
	return new ExportError('PUBLISH_FAILED', `the topic did not take the message: ${reason}`, { cause })
}

/** For filter policies, and the trace context. Never more than 10: raw delivery to a queue drops a message with more. */
function toAttributes({ type, traceparent, data }: OutcomeEvent): Record<string, string> {
	const values: Record<string, string | null | undefined> = {
		state: data.state,
		type,
		terminal: String(data.terminal),
		...toInstanceAttribute(data.request),
		bucketName: data.request?.bucketName,
		regionCode: data.request?.regionCode,
		errorCode: data.error?.code,
		exportId: data.exportId,
		traceparent,
	}
	return Object.fromEntries(
		Object.entries(values).filter(
			(pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== '',
		),
	)
}

/** Named by the product's own field, as in the request. */
function toInstanceAttribute(request: OutcomeEvent['data']['request']): Record<string, string | undefined> {
	if (request === null) return {}
	const { instanceField } = PRODUCTS[productOf(request)]
	return { [instanceField]: request[instanceField] }
}
