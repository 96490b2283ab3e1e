import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

// When deployed, a table: write the id with the condition that it is new.
const handled = new Set<string>()

export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
	const batchItemFailures: SQSBatchResponse['batchItemFailures'] = []
	for (const { messageId, body } of Records) {
		try {
			const { id, subject, data } = JSON.parse(body)
			if (handled.has(id)) continue
			if (data.state === 'completed') console.log(`${subject} is there: ${data.object.size} bytes`)
			else console.log(`${subject ?? 'a request'} ended ${data.state}: ${data.error?.message ?? 'no error'}`)
			handled.add(id)
		} catch {
			// SQS delivers this message again, and only this one.
			batchItemFailures.push({ itemIdentifier: messageId })
		}
	}
	return { batchItemFailures }
}
