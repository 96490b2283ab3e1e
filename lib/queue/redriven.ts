import type { SQSRecord } from 'aws-lambda'

/** The message attribute with which `npm run ops -- dead-letters redrive` marks what it sends; holds the message's former id. */
export const REDRIVEN_FROM = 'redrivenFrom'

/** It came back from a dead-letter queue: SQS says so of its own redrive, the mark of ours. */
export function isRedriven({ attributes, messageAttributes }: SQSRecord): boolean {
	return attributes.DeadLetterQueueSourceArn !== undefined || messageAttributes[REDRIVEN_FROM] !== undefined
}
