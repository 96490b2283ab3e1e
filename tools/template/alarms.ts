import { type Policy, toRateMinutes } from '../../lib/coverage/policy.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import type { State } from '../../lib/outcome/outcome.ts'
import { MAX_BACK_OFF_SECONDS } from '../../lib/queue/back-off.ts'
import { FUNCTION_NAMES, type FunctionName } from '../../lib/wiring/config.ts'
import {
	getAtt,
	oslsId,
	PREFIX,
	type Resource,
	type Resources,
	ref,
	toPascal,
	toPolicyId,
} from './cloudformation.ts'
import { freshnessEveryMinutes } from './numbers.ts'
import { firstStep } from './runbook.ts'

/** Namespace and dimension of the metrics that the code reports. The dimension keeps the stages apart. */
export const NAMESPACE = 'NcpBackupExporter'
export const SERVICE = { Name: 'service', Value: PREFIX }

/**
 * What missing data means. `notBreaching`: there was nothing to count. `breaching`: the metric's source has stopped.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
 */
type Silence = 'notBreaching' | 'breaching'

export interface Alarm {
	name: string
	/** The heading in docs/runbook.md, whose section says when it fires. */
	section: string
	namespace: string
	metric: string
	dimensions: readonly object[]
	statistic: 'Sum' | 'Maximum'
	/** The alarm fires when the statistic over this period reaches the threshold. */
	minutes: number
	threshold: number
	silence: Silence
	/** Fires when the statistic is below the threshold in so many periods, instead of reaching it in one. */
	belowInPeriods?: number
}

/** A metric of the code. It is reported only when there is something to count. */
const own = (name: string, metric: string, minutes: number, threshold = 1): Alarm => ({
	name,
	section: name,
	namespace: NAMESPACE,
	metric,
	dimensions: [SERVICE],
	statistic: 'Sum',
	minutes,
	threshold,
	silence: 'notBreaching',
})

/** The same for a metric that is not a count: its largest value decides. */
const longest = (name: string, metric: string, minutes: number, threshold: number): Alarm => ({
	...own(name, metric, minutes, threshold),
	statistic: 'Maximum',
})

const state = (name: State, minutes: number, threshold = 1): Alarm =>
	own(name, `Export_${name}`, minutes, threshold)

const failure = (name: string, code: ErrorCode, minutes: number, threshold: number): Alarm =>
	own(name, `Failed_${code}`, minutes, threshold)

/** SQS stops reporting on a queue that is empty and unused for hours: missing data means no messages. */
const queue = (name: string, id: string, metric: string, threshold: number): Alarm => ({
	name,
	section: name,
	namespace: 'AWS/SQS',
	metric,
	dimensions: [{ Name: 'QueueName', Value: getAtt(id, 'QueueName') }],
	statistic: 'Maximum',
	minutes: 5,
	threshold,
	silence: 'notBreaching',
})

/** Lambda reports nothing while a function is not invoked: missing data means no errors and no throttles. */
const lambda = (fn: FunctionName, metric: string, name = metric.toLowerCase()): Alarm => ({
	name: `${fn}-${name}`,
	section: `${fn}-${name}`,
	namespace: 'AWS/Lambda',
	metric,
	dimensions: [{ Name: 'FunctionName', Value: ref(oslsId(fn, 'LambdaFunction')) }],
	statistic: 'Sum',
	minutes: 5,
	threshold: 1,
	silence: 'notBreaching',
})

const HOUR_SECONDS = 3_600
const HOUR_MINUTES = 60
/** No wait is longer, so each message that waits is counted in each period. */
const WAIT_MINUTES = MAX_BACK_OFF_SECONDS / 60

const DAY_MINUTES = 24 * 60

/** What a coverage policy needs. Its metrics have its name as a dimension. */
function listPolicyAlarms({ name, graceHours, rate }: Policy): readonly Alarm[] {
	const rateMinutes = toRateMinutes(rate)
	const ofPolicy = (section: string, metric: string, threshold: number): Alarm => ({
		...own(`${section}-${name}`, metric, Math.min(2 * rateMinutes, DAY_MINUTES), threshold),
		section,
		statistic: 'Maximum',
		dimensions: [SERVICE, { Name: 'policy', Value: name }],
	})
	return [
		ofPolicy('coverage-behind', 'HoursBehind', graceHours),
		ofPolicy('coverage-gone', 'BackupsGone', 1),
		{
			...ofPolicy('coverage-stopped', 'CoverageChecks', 1),
			statistic: 'Sum',
			minutes: rateMinutes,
			belowInPeriods: 3,
			silence: 'breaching',
		},
	]
}

/** Alarms cost money: without a policy there are none for coverage. */
function listCoverageAlarms(policies: readonly Policy[]): readonly Alarm[] {
	if (policies.length === 0) return []
	return [
		queue('coverage-dead', 'CoverageDeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 1),
		failure('coverage-policy', 'POLICY_INVALID', 5, 1),
		failure('coverage-bucket', 'BUCKET_UNREADABLE', 15, 5),
		// Without its errors: like on-pipeline-event it throws by contract, and these alarms say what follows.
		lambda(COVERAGE_FUNCTION, 'Throttles'),
		...policies.flatMap(listPolicyAlarms),
	]
}

const COVERAGE_FUNCTION = 'on-coverage-check'
const EXPORT_FUNCTIONS = FUNCTION_NAMES.filter((fn) => fn !== COVERAGE_FUNCTION)

/** All alarms; `freshnessMinutes` is the template's parameter. */
export function listAlarms(freshnessMinutes: number, policies: readonly Policy[] = []): readonly Alarm[] {
	return [
		queue('requests-dead', 'DeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 1),
		queue('arrivals-dead', 'ArrivalDeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 1),
		queue('pipeline-dead', 'PipelineDeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 1),
		state('exhausted', 5),
		state('refused', 5),
		state('missing', 5),
		state('unverified', 5),
		// The arrival check settles a single lost reply. Several mean that the gateway is failing or the timeout too short.
		state('unknown', 60, 3),
		failure('credentials', 'NCP_CREDENTIALS', 5, 1),
		failure('secret', 'SECRET_UNREADABLE', 5, 1),
		// A missing permission or resource: no waiting mends it.
		own('aws-refused', 'AwsRefused', 5),
		// An unexpected error is a defect.
		failure('internal', 'INTERNAL', 5, 1),
		// Both are retried automatically; this many are more than a passing failure.
		failure('ledger', 'LEDGER_UNAVAILABLE', 15, 5),
		failure('publishing', 'PUBLISH_FAILED', 15, 5),
		failure('scheduling', 'SCHEDULE_FAILED', 15, 5),
		failure('queueing', 'QUEUE_UNAVAILABLE', 15, 5),
		{
			...longest('freshness', 'OldestCompletionMinutes', 4 * freshnessEveryMinutes, freshnessMinutes),
			// Reported on a schedule, even without data: if it is missing, the freshness check has stopped.
			silence: 'breaching',
		},
		// SQS's own age leaves out what was received three times; these are measured at each attempt that fails.
		longest('waiting', 'WaitingMinutes', WAIT_MINUTES, HOUR_MINUTES),
		longest('overdue', 'OverdueMinutes', WAIT_MINUTES, HOUR_MINUTES),
		queue('requests-age', 'RequestQueue', 'ApproximateAgeOfOldestMessage', HOUR_SECONDS),
		queue('arrivals-age', 'ArrivalQueue', 'ApproximateAgeOfOldestMessage', HOUR_SECONDS),
		// Without on-pipeline-event: it throws by contract, and its caller or dead-letter queue receives the error.
		...EXPORT_FUNCTIONS.filter((fn) => fn !== 'on-pipeline-event').map((fn) => lambda(fn, 'Errors')),
		...EXPORT_FUNCTIONS.map((fn) => lambda(fn, 'Throttles')),
		// What Lambda itself could not deliver: to the function, or to its dead-letter queue.
		lambda('on-pipeline-event', 'AsyncEventsDropped', 'dropped'),
		lambda('on-pipeline-event', 'DestinationDeliveryFailures', 'undelivered'),
		// It takes a chain of invocations through the queues for an endless loop.
		...(['on-queue-message', 'on-arrival-check'] as const).map((fn) =>
			lambda(fn, 'RecursiveInvocationsDropped', 'recursion'),
		),
		{
			...lambda('on-http-request', '5xx', '5xx'),
			namespace: 'AWS/ApiGateway',
			dimensions: [{ Name: 'ApiId', Value: ref('HttpApi') }],
			// A passing failure answers a few calls with 503.
			threshold: 5,
		},
		...listCoverageAlarms(policies),
	]
}

/** Of every stage, whatever its policies; without the name of the stack, which comes before them. */
export const ALARM_NAMES: readonly string[] = listAlarms(0).map(({ name }) => name)

/** Every alarm notifies the operations topic when it fires and when it ends. */
export function alarms(freshnessMinutes: number, policies: readonly Policy[]): Resources {
	return Object.fromEntries(
		listAlarms(freshnessMinutes, policies).map((alarm) => [`${toAlarmId(alarm)}Alarm`, toResource(alarm)]),
	)
}

function toAlarmId({ name, section }: Alarm): string {
	return name === section ? toPascal(name) : toPascal(section) + toPolicyId(name.slice(section.length + 1))
}

function toResource({
	name,
	section,
	namespace,
	metric,
	dimensions,
	statistic,
	minutes,
	threshold,
	silence,
	belowInPeriods,
}: Alarm): Resource {
	return {
		Type: 'AWS::CloudWatch::Alarm',
		Properties: {
			AlarmName: `${PREFIX}-${name}`,
			AlarmDescription: `${firstStep(section)} Meaning and more: docs/runbook.md#${section}`,
			Namespace: namespace,
			MetricName: metric,
			Dimensions: dimensions,
			Statistic: statistic,
			Period: minutes * 60,
			EvaluationPeriods: belowInPeriods ?? 1,
			Threshold: threshold,
			ComparisonOperator:
				belowInPeriods === undefined ? 'GreaterThanOrEqualToThreshold' : 'LessThanThreshold',
			TreatMissingData: silence,
			AlarmActions: [ref('OperationsTopic')],
			OKActions: [ref('OperationsTopic')],
		},
	}
}
