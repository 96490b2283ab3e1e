import { type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch'
import { ALARM_NAMES } from '../template/alarms.ts'
import { ok, type Verdict, warning } from './finding.ts'
import type { Target } from './target.ts'

/** Whether the stack's alarms exist and notify someone, and which fire now. */
export async function checkAlarms({ cloudWatch, stackName }: Target): Promise<Verdict> {
	const AlarmNamePrefix = `${stackName}-`
	const found = new Map<string, MetricAlarm>()
	for await (const { MetricAlarms = [] } of paginateDescribeAlarms(
		{ client: cloudWatch },
		{ AlarmNamePrefix },
	))
		for (const alarm of MetricAlarms) found.set(alarm.AlarmName?.slice(AlarmNamePrefix.length) ?? '', alarm)
	return judge(found, AlarmNamePrefix)
}

/** The alarms of the stage prod-eu have the prefix of the stage prod too, so they are looked up by their whole names. */
function judge(found: ReadonlyMap<string, MetricAlarm>, prefix: string): Verdict {
	const having = (isSo: (alarm: MetricAlarm | undefined) => boolean): string[] =>
		ALARM_NAMES.filter((name) => isSo(found.get(name)))
	const missing = having((alarm) => alarm === undefined)
	const silent = having((alarm) => alarm?.ActionsEnabled === false)
	const firing = having((alarm) => alarm?.StateValue === 'ALARM')
	const problems = [
		...(firing.length > 0
			? [`firing now: ${toList(firing)}; docs/runbook.md says what to do about each`]
			: []),
		...(silent.length > 0
			? [
					`they notify no one, since their actions are disabled: ${toList(silent)}; aws cloudwatch enable-alarm-actions --alarm-names ${prefix}${silent[0]} …`,
				]
			: []),
		...(missing.length > 0 ? [`they do not exist: ${toList(missing)}; deploy the stack again`] : []),
	]
	return problems.length > 0
		? warning(problems.join('; '))
		: ok(`${ALARM_NAMES.length} alarms are in place, and none is firing`)
}

const MAX_NAMED = 8

function toList(names: readonly string[]): string {
	const more = names.length - MAX_NAMED
	return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
