import { expect, it } from 'vitest'
import { alarms } from '../../tools/template/alarms.ts'
import { schedules } from '../../tools/template/schedules.ts'
import { policy } from '../coverage/samples.ts'

it('loses no schedule and no alarm of policies whose names are alike', () => {
	const policies = ['a1', 'a-1', 'ab', 'a-b', 'a--b', '-a', 'a', 'a-'].map((name) => policy({ name }))
	const count = (resources: object): number => Object.keys(resources).length
	expect(count(schedules(policies)) - count(schedules([]))).toBe(policies.length)
	const fixed = count(alarms(60, [policy()])) - 3
	expect(count(alarms(60, policies))).toBe(fixed + 3 * policies.length)
})

it('keeps the ids that are deployed', () => {
	const policies = [policy({ name: 'weekly-reports' })]
	expect(Object.keys(schedules(policies))).toContain('WeeklyReportsCoverageSchedule')
	expect(Object.keys(alarms(60, policies))).toContain('CoverageGoneWeeklyReportsAlarm')
})

it.each(['nightly', 'weekly-reports', 'a-1', '-a', 'a--b', 'a-', '-', '1'])(
	'gives the resources of policy %s ids that CloudFormation takes',
	(name) => {
		const policies = [policy({ name })]
		for (const id of [...Object.keys(schedules(policies)), ...Object.keys(alarms(60, policies))])
			expect(id).toMatch(/^[A-Za-z0-9]+$/)
	},
)
