import { getAtt, oslsId, type Resource, type Resources } from './cloudformation.ts'
import { freshnessEveryMinutes } from './numbers.ts'
import { toRole } from './roles.ts'

const CHECK = getAtt(oslsId('on-arrival-check', 'LambdaFunction'))

/** EventBridge Scheduler invokes a function with `input`. A failed invocation is not worth repeating once the next is due. */
function schedule(Arn: unknown, everyMinutes: number, input: object): Resource {
	return {
		Type: 'AWS::Scheduler::Schedule',
		Properties: {
			ScheduleExpression: `rate(${everyMinutes} minutes)`,
			FlexibleTimeWindow: { Mode: 'OFF' },
			Target: {
				Arn,
				RoleArn: getAtt('SchedulerRole'),
				Input: JSON.stringify(input),
				RetryPolicy: { MaximumEventAgeInSeconds: everyMinutes * 60, MaximumRetryAttempts: 3 },
			},
		},
	}
}

/** What runs by the clock, and the role that lets EventBridge Scheduler invoke it. */
export const schedules: Resources = {
	// on-arrival-check reports the freshness of each database instance.
	FreshnessSchedule: schedule(CHECK, freshnessEveryMinutes, { report: 'freshness' }),
	SchedulerRole: toRole('scheduler', 'scheduler.amazonaws.com', [
		{ Effect: 'Allow', Action: ['lambda:InvokeFunction'], Resource: CHECK },
	]),
}
