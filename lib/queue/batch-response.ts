import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import { ExportError } from '../errors.ts'

/**
 * Names the records whose work rejected, so that SQS hands over those alone again. What our own code threw has had
 * its log line; the name of anything else goes to `onUnforeseen`.
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
