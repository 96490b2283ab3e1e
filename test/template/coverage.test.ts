import { describe, expect, inject, it } from 'vitest'
import { type Resource, readTemplate } from './packaged.ts'
import { findMistakes } from './specification.ts'

const FUNCTION = { 'Fn::GetAtt': ['OnDashcoverageDashcheckLambdaFunction', 'Arn'] }

const ofType = (resources: Record<string, Resource>, type: string) =>
	Object.entries(resources).filter(([, { Type }]) => Type === type)

const mappingOf = (resources: Record<string, Resource>) =>
	ofType(resources, 'AWS::Lambda::EventSourceMapping').find(([name]) => name.includes('Coverage'))?.[1]

describe('without a policy', () => {
	it('nothing of coverage costs anything: no poller, no schedule, no alarm, no chart', async () => {
		const { resources } = await readTemplate(inject('packageFolder'))
		expect(mappingOf(resources)?.Properties.Enabled).toBe(false)
		expect(ofType(resources, 'AWS::Scheduler::Schedule').map(([name]) => name)).toEqual(['FreshnessSchedule'])
		const alarms = ofType(resources, 'AWS::CloudWatch::Alarm').map(([name]) => name)
		expect(alarms.filter((name) => /coverage/i.test(name))).toEqual([])
		expect(JSON.stringify(resources.Dashboard)).not.toContain('HoursBehind')
	})
})

describe('with two policies', () => {
	const packaged = readTemplate(inject('coveragePackageFolder')).then(({ resources }) => resources)

	it('each has a schedule that sends it, and the role may invoke the function', async () => {
		const resources = await packaged
		expect(mappingOf(resources)?.Properties.Enabled).toBe(true)
		const { NightlyCoverageSchedule: nightly, ReportsCoverageSchedule: reports } = resources
		expect(nightly?.Properties).toMatchObject({
			ScheduleExpression: 'rate(1 hour)',
			Target: { Arn: FUNCTION, RetryPolicy: { MaximumEventAgeInSeconds: 3_600 } },
		})
		expect(JSON.parse(nightly?.Properties.Target.Input)).toEqual({
			policy: {
				name: 'nightly',
				product: 'postgresql',
				instances: 'all',
				exclude: [],
				regionCode: 'KR',
				bucketName: 'my-backups',
				folderPath: '{instanceNo}/',
				graceHours: 6,
				rate: 'rate(1 hour)',
			},
		})
		expect(reports?.Properties.ScheduleExpression).toBe('rate(1 day)')
		expect(JSON.parse(reports?.Properties.Target.Input).policy).toMatchObject({
			regionCode: 'JPN',
			instances: ['1234925'],
		})
		const [statement] = resources.SchedulerRole?.Properties.Policies[0].PolicyDocument.Statement ?? []
		expect(statement.Resource).toContainEqual(FUNCTION)
	})

	it('each has alarms on its own metrics, with its own grace and rate', async () => {
		const alarms = new Map(
			ofType(await packaged, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => [
				Properties.AlarmName.replace('ncp-backup-exporter-dev-', ''),
				Properties,
			]),
		)
		const Dimensions = [
			{ Name: 'service', Value: 'ncp-backup-exporter-dev' },
			{ Name: 'policy', Value: 'reports' },
		]
		expect(alarms.get('coverage-behind-nightly')).toMatchObject({ Threshold: 6, Period: 7_200 })
		expect(alarms.get('coverage-behind-reports')).toMatchObject({
			MetricName: 'HoursBehind',
			Threshold: 12,
			// CloudWatch's longest.
			Period: 86_400,
			Statistic: 'Maximum',
			Dimensions,
		})
		expect(alarms.get('coverage-gone-reports')).toMatchObject({
			MetricName: 'BackupsGone',
			Threshold: 1,
			Dimensions,
		})
		expect(alarms.get('coverage-stopped-reports')).toMatchObject({
			MetricName: 'CoverageChecks',
			Statistic: 'Sum',
			Period: 86_400,
			EvaluationPeriods: 3,
			ComparisonOperator: 'LessThanThreshold',
			TreatMissingData: 'breaching',
			Dimensions,
		})
		expect([...alarms.keys()].filter((name) => name.includes('coverage')).sort()).toEqual([
			'coverage-behind-nightly',
			'coverage-behind-reports',
			'coverage-bucket',
			'coverage-dead',
			'coverage-gone-nightly',
			'coverage-gone-reports',
			'coverage-policy',
			'coverage-stopped-nightly',
			'coverage-stopped-reports',
			'on-coverage-check-throttles',
		])
	})

	it('the template is valid according to AWS’s published specification', async () => {
		expect(findMistakes(await packaged)).toEqual([])
	})
})
