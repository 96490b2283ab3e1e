import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import { ExportError } from '../errors.ts'

/**
 * Runs `work` on all items: groups side by side, the items of one group one after another. Resolves with all results, in the
 * order of the items. An item's failure does not stop its group.
 */
export function settleInOrder<Item, Result>(
	items: readonly Item[],
	groupOf: (item: Item) => string,
	work: (item: Item) => Promise<Result>,
): Promise<PromiseSettledResult<Result>[]> {
	const tails = new Map<string, Promise<unknown>>()
	const results = items.map((item) => {
		const group = groupOf(item)
		const result = (tails.get(group) ?? Promise.resolve()).then(() => work(item))
		tails.set(
			group,
			result.catch(() => undefined),
		)
		return result
	})
	return Promise.allSettled(results)
}

/**
 * Names the records whose work failed, so that SQS delivers only those again. An `ExportError` has been logged by the use
 * case; the name of any other error goes to `onUnforeseen`.
 */
export function toBatchResponse(
	records: readonly SQSRecord[],
	results: readonly PromiseSettledResult<unknown>[],
	onUnforeseen: (name: string) => void,
): SQSBatchResponse {
	const failures = results.flatMap((result, index) =>
		result.status === 'rejected' ? [{ reason: result.reason, index }] : [],
	)
	for (const { reason } of failures) {
		if (!(reason instanceof ExportError)) onUnforeseen(reason instanceof Error ? reason.name : typeof reason)
	}
	return {
		batchItemFailures: failures.map(({ index }) => ({ itemIdentifier: records[index]?.messageId ?? '' })),
	}
}
