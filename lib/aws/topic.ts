import { setTimeout as sleep } from 'node:timers/promises'
import { cut, ExportError } from '../errors.ts'
import { type OutcomeEvent, serializeEvent } from '../outcome/outcome.ts'
import { PASSING } from './call-aws.ts'
import type { PublishBatch, TopicEntry } from './sns.ts'

/** SNS limits of one PublishBatch: entries, and bytes of all of them together. https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
const MAX_ENTRIES = 10
const MAX_BATCH_BYTES = 256 * 1024

const MAX_ATTEMPTS = 3
const BASE_DELAY_MS = 50

/** Resolves when the topic has the event; rejects with `PUBLISH_FAILED`, after which it may have it all the same. */
export type Publish = (event: OutcomeEvent, timeoutMs: number) => Promise<void>

interface Waiting {
	/** Its caller was told, and nobody waits for it any more. */
	isSettled: boolean
	event: OutcomeEvent
	message: string
	resolve: () => void
	reject: (error: ExportError) => void
}

/**
 * Publishes outcomes. Those that are ready in one turn of the event loop go out as one PublishBatch: nobody waits
 * for a slower neighbour, and each entry's failure is its own.
 */
export function createTopic(send: PublishBatch): Publish {
	let waiting: Waiting[] = []

	const flush = (): void => {
		const ready = waiting.filter(({ isSettled }) => !isSettled)
		waiting = []
		for (const batch of toBatches(ready)) void publishBatch(send, batch)
	}

	return (event, timeoutMs) => {
		const { promise, resolve, reject } = Promise.withResolvers<void>()
		if (timeoutMs <= 0) return Promise.reject(failed('no time was left'))
		const item: Waiting = { event, message: serializeEvent(event), isSettled: false, resolve, reject }
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
		const size = Buffer.byteLength(item.message) + 2_048
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
			left = settle(left, await send(left.map(toEntry)), attempt === MAX_ATTEMPTS)
		} catch (error) {
			// What can be repeated has been; the whole batch shares this failure.
			for (const item of left) item.reject(failed(error instanceof Error ? error.name : 'unknown', error))
			return
		}
		if (left.length > 0) await sleep(Math.random() * BASE_DELAY_MS * 2 ** attempt)
		left = left.filter(({ isSettled }) => !isSettled)
	}
}

/** Settles what is final and returns what is worth another try. */
function settle(batch: Waiting[], results: readonly (string | null)[], isLast: boolean): Waiting[] {
	return batch.filter((item, index) => {
		const code = results[index]
		if (code === null) {
			item.resolve()
			return false
		}
		if (!isLast && PASSING.has(code ?? '')) return true
		item.reject(failed(code ?? 'no result'))
		return false
	})
}

function failed(reason: string, cause?: unknown): ExportError {
	return new ExportError('PUBLISH_FAILED', `the topic did not take the outcome (${cut(reason)})`, { cause })
}

function toEntry({ event, message }: Waiting): TopicEntry {
	return { message, attributes: toAttributes(event) }
}

/** For filter policies, and the trace for who reads no bodies. Never more than 10: raw delivery to a queue drops a message with more. */
function toAttributes({ type, traceparent, data }: OutcomeEvent): Record<string, string> {
	const values: Record<string, string | null | undefined> = {
		state: data.state,
		type,
		terminal: String(data.terminal),
		cloudPostgresqlInstanceNo: data.request?.cloudPostgresqlInstanceNo,
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
