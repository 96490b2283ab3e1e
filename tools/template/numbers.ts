import { MAX_BACK_OFF_SECONDS, receivesFor } from '../../lib/queue/back-off.ts'

/** One call to NCP, from connect to last byte. At most 12: the webhook's function must end within the 29 s that osls grants. */
const ncpTimeoutSeconds = 10

/** Two calls of one export (a clock or a key pair is put right in between), and the rest for table and topic. */
const functionTimeoutSeconds = 2 * ncpTimeoutSeconds + 5

if (functionTimeoutSeconds > 29)
	throw new Error('tools/template/numbers.ts: ncpTimeoutSeconds must be at most 12')

/** What AWS asks for with Lambda, so that a batch is not handed out twice. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const minVisibilitySeconds = 6 * functionTimeoutSeconds

/** NCP documents no limits: so many calls at a time from the queue, and half as many from each other way in. */
const callsAtATime = 20

/** A batch's exports are all under way at once. */
const batchSize = 10

/** Instances with one call each. */
const callConcurrency = callsAtATime / 2

/** How often the freshness of each instance is reported. */
export const freshnessEveryMinutes = 15

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 24 * HOUR_SECONDS

/** The longest that SQS keeps a message. In a standard queue its age counts from the first enqueueing, also as a dead letter. */
const MAX_RETENTION_SECONDS = 14 * DAY_SECONDS

/** SQS's limit of `maxReceiveCount`. */
const MAX_RECEIVES = 1_000

export interface NumberParameters {
	/** For so long what may succeed later is tried again, at least. */
	retryHours: number
	arrivalDeadlineMinutes: number
}

/** The numbers of the template, all of which follow from one another and from two parameters. */
export function numbersFor({ retryHours, arrivalDeadlineMinutes }: NumberParameters) {
	const maxReceiveCount = receivesFor(retryHours)
	// A message that nobody puts off (the function was killed, SQS did not answer) must last as long as one that is.
	const visibilitySeconds = Math.max(
		minVisibilitySeconds,
		Math.ceil((retryHours * HOUR_SECONDS) / (maxReceiveCount - 1)),
	)
	const longestRetrySeconds = maxReceiveCount * (MAX_BACK_OFF_SECONDS + functionTimeoutSeconds)
	const retentionSeconds = (longestSeconds: number): number =>
		Math.max(4 * DAY_SECONDS, longestSeconds + DAY_SECONDS)
	// A check that cannot be made is tried for twice its deadline: by then the export has been judged, or an operator was called.
	const checkSeconds = Math.max(2 * arrivalDeadlineMinutes * 60, retryHours * HOUR_SECONDS)
	const arrivalReceiveCount = Math.min(MAX_RECEIVES, Math.ceil(checkSeconds / visibilitySeconds) + 1)
	return {
		ncpTimeoutSeconds,
		functionTimeoutSeconds,
		visibilitySeconds,
		maxReceiveCount,
		arrivalReceiveCount,
		/** Instances that take batches. SQS wants two at least. */
		queueConcurrency: Math.max(2, callsAtATime / batchSize),
		batchSize,
		/** A look may list 20 pages of keys. */
		lookBatchSize: batchSize / 2,
		callConcurrency,
		/** Webhook calls a second: as many as can be under way. */
		webhookRate: callConcurrency,
		/** A day more than the longest retries: no message is dropped while it is still tried. */
		retentionSeconds: retentionSeconds(longestRetrySeconds),
		arrivalRetentionSeconds: retentionSeconds(arrivalReceiveCount * visibilitySeconds),
		deadRetentionSeconds: MAX_RETENTION_SECONDS,
		freshnessEveryMinutes,
	}
}
