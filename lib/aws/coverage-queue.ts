import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError, TRANSIENT_ERROR_CODES } from '../aws-error.ts'
import { ExportError, toExportError, toReason } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import type { CoverageQueue } from '../ports.ts'
import { type CallAws, parseAnswer } from './call-aws.ts'

/** SQS's limit for one batch. */
const BATCH_SIZE = 10

/** Batches on their way at the same time: 10,000 messages take seconds, not minutes. */
const BATCHES_AT_A_TIME = 10

const MAX_TRIES = 3
const BASE_DELAY_MS = 100

const headersOf = (action: string) => ({
	'content-type': 'application/x-amz-json-1.0',
	'x-amz-target': `AmazonSQS.${action}`,
})

/** Without the SDK's client, like every queue that a function uses each time. A message that is sent twice does no harm. */
export function createCoverageQueue(call: CallAws, queueUrl: string): CoverageQueue {
	const sendBatch = async (bodies: readonly string[]): Promise<void> => {
		let left = bodies
		for (let tries = 1; left.length > 0; tries++) {
			const Entries = left.map((MessageBody, index) => ({ Id: String(index), MessageBody }))
			const request = JSON.stringify({ QueueUrl: queueUrl, Entries })
			const answer = parseAnswer(await call(headersOf('SendMessageBatch'), request))
			const { failed, code } = readFailed(answer, left)
			if (failed.length > 0 && (tries === MAX_TRIES || !TRANSIENT_ERROR_CODES.has(code)))
				throw new AwsError(code)
			if (failed.length > 0) await sleep(Math.random() * BASE_DELAY_MS * 2 ** tries)
			left = failed
		}
	}
	return {
		sendMessages: async (bodies) => {
			const starts = Array.from(
				{ length: Math.ceil(bodies.length / BATCH_SIZE) },
				(_, index) => index * BATCH_SIZE,
			)
			for (let first = 0; first < starts.length; first += BATCHES_AT_A_TIME) {
				const batches = starts.slice(first, first + BATCHES_AT_A_TIME)
				const sending = batches.map((start) => sendBatch(bodies.slice(start, start + BATCH_SIZE)))
				await Promise.all(sending).catch(throwUnavailable)
			}
		},
		hide: (receiptHandle, seconds) => {
			const request = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: seconds }
			return call(headersOf('ChangeMessageVisibility'), JSON.stringify(request))
				.catch(throwUnavailable)
				.then(() => null, toExportError)
		},
	}
}

/** An entry counts as sent only if SQS says so. */
function readFailed(
	{ Successful = [], Failed = [] }: Record<string, unknown>,
	bodies: readonly string[],
): { failed: string[]; code: string } {
	const sent = new Set([Successful].flat().map((entry) => (isRecord(entry) ? entry.Id : null)))
	const [first] = [Failed].flat()
	const code = isRecord(first) && typeof first.Code === 'string' ? first.Code : 'NoResult'
	return { failed: bodies.filter((_body, index) => !sent.has(String(index))), code }
}

function throwUnavailable(cause: unknown): never {
	throw new ExportError('QUEUE_UNAVAILABLE', `the coverage queue cannot be used: ${toReason(cause)}`, {
		cause,
	})
}
