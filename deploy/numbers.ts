/** One call to NCP, from connect to last byte. At most 12: the webhook's function must end within the 29 s that osls grants. */
export const ncpTimeoutSeconds = 10

/** Two calls of one export (a clock or a key pair is put right in between), and the rest for table and topic. */
export const functionTimeoutSeconds = 2 * ncpTimeoutSeconds + 5

if (functionTimeoutSeconds > 29) throw new Error('deploy/numbers.ts: ncpTimeoutSeconds must be at most 12')

/** What SQS asks for with Lambda, so that a batch is not handed out twice. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export const visibilitySeconds = 6 * functionTimeoutSeconds

/** Six tries, with a back-off that grows from ten seconds, or a minute when the cluster is busy; then a person is called. */
export const maxReceiveCount = 6

/** NCP documents no limits: so many calls at a time from the queue, and half as many from each other way in. */
export const callsAtATime = 20

/** A batch's exports are all under way at once. */
export const batchSize = 10

/** Instances that take batches. SQS wants two at least. */
export const queueConcurrency = Math.max(2, callsAtATime / batchSize)

/** Instances with one call each. */
export const callConcurrency = callsAtATime / 2

/** A look may list 20 pages of keys. */
export const lookBatchSize = batchSize / 2

/** Webhook calls a second: as many as can be under way. */
export const webhookRate = callConcurrency

/** Four days in the queue, and fourteen more in the dead-letter queue, which is the longest that SQS keeps a message. */
export const retentionSeconds = 4 * 86_400
export const deadRetentionSeconds = 14 * 86_400

/** How often the freshness of each instance is reported. */
export const freshnessEveryMinutes = 15

/** A check that cannot be made is tried for twice its deadline: by then the export has been judged, or an operator was called. */
export function arrivalReceiveCount(deadlineMinutes: number): number {
	return Math.min(1_000, Math.ceil((2 * deadlineMinutes * 60) / visibilitySeconds))
}
