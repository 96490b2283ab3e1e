import { type Policy, toRateMinutes } from '../../lib/coverage/policy.ts'
import { getAtt, oslsId, type Resource, type Resources, toPolicyId } from './cloudformation.ts'
import { freshnessEveryMinutes } from './numbers.ts'
import { toRole } from './roles.ts'

const ARRIVAL_CHECK = getAtt(oslsId('on-arrival-check', 'LambdaFunction'))
const COVERAGE_CHECK = getAtt(oslsId('on-coverage-check', 'LambdaFunction'))

/** EventBridge Scheduler invokes a function with `input`. A failed invocation is not worth repeating once the next is due. */
function schedule(Arn: unknown, rate: string, input: object): Resource {
	return {
		Type: 'AWS::Scheduler::Schedule',
		Properties: {
			ScheduleExpression: rate,
			FlexibleTimeWindow: { Mode: 'OFF' },
			Target: {
				Arn,
				RoleArn: getAtt('SchedulerRole'),
				Input: JSON.stringify(input),
				RetryPolicy: { MaximumEventAgeInSeconds: toRateMinutes(rate) * 60, MaximumRetryAttempts: 3 },
			},
		},
	}
}

/** What runs by the clock, and the role that lets EventBridge Scheduler invoke it. */
export function schedules(policies: readonly Policy[]): Resources {
	const sweeps = policies.map((policy) => [
		`${toPolicyId(policy.name)}CoverageSchedule`,
		schedule(COVERAGE_CHECK, policy.rate, { policy }),
	])
	return {
		// on-arrival-check reports the freshness of each database instance.
		FreshnessSchedule: schedule(ARRIVAL_CHECK, `rate(${freshnessEveryMinutes} minutes)`, {
			report: 'freshness',
		}),
		...Object.fromEntries(sweeps),
		SchedulerRole: toRole('scheduler', 'scheduler.amazonaws.com', [
			{
				Effect: 'Allow',
				Action: ['lambda:InvokeFunction'],
				Resource: policies.length === 0 ? ARRIVAL_CHECK : [ARRIVAL_CHECK, COVERAGE_CHECK],
			},
		]),
	}
}
