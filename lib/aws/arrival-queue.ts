import { AwsError } from '../aws-error.ts'
import { ExportError, toReason } from '../errors.ts'
import { isRecord, parseRecord } from '../formats/json.ts'
import type { ArrivalCheck, ScheduleCheck } from '../ports.ts'
import { type CallAws, parseAnswer } from './call-aws.ts'

const headersOf = (action: string) => ({
	'content-type': 'application/x-amz-json-1.0',
	'x-amz-target': `AmazonSQS.${action}`,
})

/** SQS's limit for one batch. */
const MAX_ENTRIES = 10

interface Waiting {
	entry: { MessageBody: string; DelaySeconds: number }
	resolve: () => void
	reject: (cause: unknown) => void
}

/**
 * Sends checks without the SDK's client, since every export asks for one: a cold start would take 1.4 times as long. Those
 * that are ready in one turn of the event loop go out as one batch, and each fails on its own. A check that is sent twice
 * does no harm.
 */
export function createArrivalQueue(call: CallAws, queueUrl: string): ScheduleCheck {
	let waiting: Waiting[] = []

	const sendOne = async ({ entry }: Waiting): Promise<void> => {
		const body = JSON.stringify({ QueueUrl: queueUrl, ...entry })
		const { MessageId } = parseAnswer(await call(headersOf('SendMessage'), body))
		// A 200 from another server, such as a proxy, is not a message in the queue.
		if (typeof MessageId !== 'string') throw new AwsError('NoMessageId')
	}

	/** The error code of each that was not sent, by its index. */
	const sendBatch = async (batch: readonly Waiting[]): Promise<ReadonlyMap<number, string>> => {
		const Entries = batch.map(({ entry }, index) => ({ Id: String(index), ...entry }))
		const body = JSON.stringify({ QueueUrl: queueUrl, Entries })
		return readUnsent(parseAnswer(await call(headersOf('SendMessageBatch'), body)), batch.length)
	}

	const send = async (batch: readonly Waiting[]): Promise<void> => {
		const [only, ...others] = batch
		try {
			const unsent = only !== undefined && others.length === 0 ? await sendOne(only) : await sendBatch(batch)
			batch.forEach(({ resolve, reject }, index) => {
				const code = unsent?.get(index)
				if (code === undefined) resolve()
				else reject(new AwsError(code))
			})
		} catch (error) {
			for (const { reject } of batch) reject(error)
		}
	}

	const flush = (): void => {
		const ready = waiting
		waiting = []
		for (let start = 0; start < ready.length; start += MAX_ENTRIES)
			void send(ready.slice(start, start + MAX_ENTRIES))
	}

	return (check, delaySeconds) => {
		const { promise, resolve, reject } = Promise.withResolvers<void>()
		if (waiting.length === 0) setImmediate(flush)
		waiting.push({
			entry: { MessageBody: JSON.stringify(check), DelaySeconds: delaySeconds },
			resolve,
			reject,
		})
		return promise.catch((cause) => {
			const message = `the arrival queue did not take the check: ${toReason(cause)}`
			throw new ExportError('SCHEDULE_FAILED', message, { cause })
		})
	}
}

/** An entry counts as sent only if SQS says so. */
function readUnsent(
	{ Successful = [], Failed = [] }: Record<string, unknown>,
	count: number,
): ReadonlyMap<number, string> {
	const unsent = new Map(Array.from({ length: count }, (_, index) => [index, 'NoMessageId']))
	for (const entry of [Failed].flat())
		if (isRecord(entry) && unsent.has(Number(entry.Id))) unsent.set(Number(entry.Id), String(entry.Code))
	for (const entry of [Successful].flat()) if (isRecord(entry)) unsent.delete(Number(entry.Id))
	return unsent
}

/** Null for a body that is not a check. Its sender cannot be told, so the dead-letter queue keeps it. */
export function parseArrivalCheck(body: string): ArrivalCheck | null {
	const { exportKey, exportId, check, isRepeated } = parseRecord(body) ?? {}
	const isOurs = typeof exportKey === 'string' && typeof exportId === 'string' && Number.isSafeInteger(check)
	if (!isOurs) return null
	return { exportKey, exportId, check: check as number, ...(isRepeated === true ? { isRepeated } : {}) }
}
