import { MAX_BACK_OFF_SECONDS, receivesFor } from '../../lib/queue/back-off.ts'

/** Time limit of one call to NCP, from connect to last byte. */
const ncpTimeoutSeconds = 10

/** For table and topic: `lib/deadline.ts` divides it. */
const awsSeconds = 5

/** The webhook's function must end within the 29 seconds that osls allows. */
export const maxNcpTimeoutSeconds = Math.floor((29 - awsSeconds) / 2)

/** A whole call and most of a second one, which follows a quick refusal when the clock or the key pair was corrected. */
const functionTimeoutSeconds = 2 * ncpTimeoutSeconds + awsSeconds

if (ncpTimeoutSeconds > maxNcpTimeoutSeconds)
	throw new Error(`tools/template/numbers.ts: ncpTimeoutSeconds must be at most ${maxNcpTimeoutSeconds}`)

/** AWS's minimum for a queue that feeds a function; below it, a batch may be delivered twice. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const minVisibilitySeconds = 6 * functionTimeoutSeconds

/** Concurrent calls to NCP from the queue; each other trigger makes at most half as many. NCP documents no limit. */
export const callsAtATime = 20

/** Messages per invocation. Their exports run concurrently. */
const batchSize = 10

/** Function instances that make one call at a time. */
const callConcurrency = callsAtATime / 2

/** How long a webhook call takes. NCP documents nothing: raise it to what the metric `NcpCallMs` shows. */
const typicalCallSeconds = 1

/** Function instances that receive batches. Lambda's minimum is two. */
const queueConcurrency = Math.max(2, callsAtATime / batchSize)

/** Those, and one for the schedule. */
const checkConcurrency = queueConcurrency + 1

/** Instances of a database that one invocation checks: each is one call to NCP and one folder. */
const coverageBatchSize = 5

/** Function instances that check coverage, for half as many concurrent calls to NCP as exports may make. */
const coverageConcurrency = Math.max(2, callConcurrency / coverageBatchSize)

/** A sweep lists 10,000 instances, a hundred at a time. */
const coverageTimeoutSeconds = 150

/** Of the webhook, of events, of the queue, of the arrival checks, and of coverage with its schedules. */
const reservedConcurrency =
	2 * callConcurrency + queueConcurrency + checkConcurrency + coverageConcurrency + 1

/** What AWS keeps for functions without a reservation. https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const UNRESERVED_CONCURRENCY = 100

/** The concurrent executions that an account must be allowed before a stage can be deployed. */
export const concurrencyQuota = reservedConcurrency + UNRESERVED_CONCURRENCY

/** Interval at which the freshness of each database instance is reported. */
export const freshnessEveryMinutes = 15

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 24 * HOUR_SECONDS

/** SQS's maximum. In a standard queue the age of a dead letter counts from when it was first enqueued. */
const MAX_RETENTION_SECONDS = 14 * DAY_SECONDS

/** SQS's maximum for `maxReceiveCount`. */
const MAX_RECEIVES = 1_000

export interface NumberParameters {
	/** Retryable failures are retried for at least this long. */
	retryHours: number
	arrivalDeadlineMinutes: number
}

/** The numbers of the template, derived from two parameters. */
export function numbersFor({ retryHours, arrivalDeadlineMinutes }: NumberParameters) {
	const maxReceiveCount = receivesFor(retryHours)
	// A message without back-off (the function was killed, SQS did not answer) must be retried for as long as one with it.
	const visibilitySeconds = Math.max(
		minVisibilitySeconds,
		Math.ceil((retryHours * HOUR_SECONDS) / (maxReceiveCount - 1)),
	)
	const longestRetrySeconds = maxReceiveCount * (MAX_BACK_OFF_SECONDS + functionTimeoutSeconds)
	const retentionSeconds = (longestSeconds: number): number =>
		Math.max(4 * DAY_SECONDS, longestSeconds + DAY_SECONDS)
	// A failing check is retried for twice its deadline: by then the export is settled, or an alarm has fired.
	const checkSeconds = Math.max(2 * arrivalDeadlineMinutes * 60, retryHours * HOUR_SECONDS)
	// A coverage check is tried for an hour: the next sweep asks for it anew.
	const coverageReceiveCount = receivesFor(1)
	const coverageVisibilitySeconds = Math.max(
		6 * coverageTimeoutSeconds,
		Math.ceil(HOUR_SECONDS / (coverageReceiveCount - 1)),
	)
	const longestCoverageSeconds = coverageReceiveCount * (MAX_BACK_OFF_SECONDS + coverageTimeoutSeconds)
	const arrivalReceiveCount = Math.min(MAX_RECEIVES, Math.ceil(checkSeconds / visibilitySeconds) + 1)
	return {
		ncpTimeoutSeconds,
		functionTimeoutSeconds,
		visibilitySeconds,
		maxReceiveCount,
		arrivalReceiveCount,
		queueConcurrency,
		checkConcurrency,
		batchSize,
		/** Arrival checks per invocation: fewer, since one may list 20 pages of keys. */
		lookBatchSize: batchSize / 2,
		callConcurrency,
		coverageTimeoutSeconds,
		coverageBatchSize,
		coverageConcurrency,
		/** One more, for the schedules. */
		coverageReserved: coverageConcurrency + 1,
		coverageReceiveCount,
		coverageVisibilitySeconds,
		coverageRetentionSeconds: retentionSeconds(longestCoverageSeconds),
		/** Nobody sends them back: they only show what went wrong. */
		coverageDeadRetentionSeconds: retentionSeconds(longestCoverageSeconds) + DAY_SECONDS,
		/** Webhook calls per second that this concurrency can answer. */
		webhookRate: Math.floor(callConcurrency / typicalCallSeconds),
		/** A day longer than the longest retries, so that no message expires while it is being retried. */
		retentionSeconds: retentionSeconds(longestRetrySeconds),
		arrivalRetentionSeconds: retentionSeconds(arrivalReceiveCount * visibilitySeconds),
		deadRetentionSeconds: MAX_RETENTION_SECONDS,
	}
}
