import type { SQSRecord } from 'aws-lambda'

/** The message attribute with which `npm run ops -- dead-letters redrive` marks what it sends. Holds the message's former id. */
export const REDRIVEN_FROM = 'redrivenFrom'

/** The message attribute with the name of the policy whose coverage check asked for the export. */
export const COVERAGE_POLICY = 'coveragePolicy'

/** True for a message that came back from a dead-letter queue, by SQS's own redrive or by ours. */
export function isRedriven({ attributes, messageAttributes }: SQSRecord): boolean {
	return attributes.DeadLetterQueueSourceArn !== undefined || messageAttributes[REDRIVEN_FROM] !== undefined
}
