import type { Policy } from '../../lib/coverage/policy.ts'
import { ERROR_CODES, isRetryable } from '../../lib/errors.ts'
import { STATES } from '../../lib/outcome/outcome-schema.ts'
import { FUNCTION_NAMES } from '../../lib/wiring/config.ts'
import { NAMESPACE, SERVICE } from './alarms.ts'
import { oslsId, PREFIX, type Resources, sub } from './cloudformation.ts'

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
type Metric = readonly unknown[]

const own = (name: string, options: object = {}): Metric => [
	NAMESPACE,
	name,
	SERVICE.Name,
	SERVICE.Value,
	options,
]

const RETRIED = ERROR_CODES.filter(isRetryable)

const ofQueue = (id: string, metric: string, label: string): Metric => [
	'AWS/SQS',
	metric,
	'QueueName',
	`\${${id}.QueueName}`,
	{ label },
]

const ofFunctions = (metric: string, options: object = {}): Metric[] =>
	FUNCTION_NAMES.map((name) => [
		'AWS/Lambda',
		metric,
		'FunctionName',
		`\${${oslsId(name, 'LambdaFunction')}}`,
		{ label: name, ...options },
	])

/** Median and 99th percentile of one metric. */
const percentiles = (name: string): Metric[] => [own(name, { stat: 'p50' }), own(name, { stat: 'p99' })]

interface Chart {
	title: string
	stat: string
	metrics: readonly Metric[]
}

const CHARTS: readonly Chart[] = [
	{ title: 'Exports by state', stat: 'Sum', metrics: STATES.map((state) => own(`Export_${state}`)) },
	{ title: 'Tried again, by reason', stat: 'Sum', metrics: RETRIED.map((code) => own(`Failed_${code}`)) },
	{ title: 'NCP call, ms', stat: 'p50', metrics: percentiles('NcpCallMs') },
	{ title: 'Request to arrival, s', stat: 'p50', metrics: percentiles('ArrivalSeconds') },
	{
		title: 'Minutes since each instance’s last completed export',
		stat: 'Maximum',
		metrics: [
			[
				{
					expression: `SEARCH('{${NAMESPACE},instance,service} MetricName="MinutesSinceCompleted" service="${SERVICE.Value}"', 'Maximum')`,
				},
			],
		],
	},
	{
		title: 'Age of the oldest message, s',
		stat: 'Maximum',
		metrics: [
			ofQueue('RequestQueue', 'ApproximateAgeOfOldestMessage', 'requests'),
			ofQueue('ArrivalQueue', 'ApproximateAgeOfOldestMessage', 'arrival checks'),
		],
	},
	{
		title: 'Dead letters',
		stat: 'Maximum',
		metrics: [
			ofQueue('DeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 'requests'),
			ofQueue('ArrivalDeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 'arrival checks'),
			ofQueue('PipelineDeadLetterQueue', 'ApproximateNumberOfMessagesVisible', 'pipeline events'),
		],
	},
	{
		title: 'Webhook: calls, 4xx and 5xx',
		stat: 'Sum',
		metrics: [
			...['Count', '4xx', '5xx'].map((metric) => ['AWS/ApiGateway', metric, 'ApiId', '${HttpApi}']),
			own('WebhookRefused'),
		],
	},
	{ title: 'Function errors', stat: 'Sum', metrics: ofFunctions('Errors') },
	{ title: 'Function throttles', stat: 'Sum', metrics: ofFunctions('Throttles') },
	{ title: 'Function duration, p99, ms', stat: 'p99', metrics: ofFunctions('Duration') },
	{ title: 'Functions at work', stat: 'Maximum', metrics: ofFunctions('ConcurrentExecutions') },
]

const WIDTH = 8
const HEIGHT = 6
const COLUMNS = 3

function toCoverageChart(policies: readonly Policy[]): Chart {
	const ofPolicy = (metric: string): Metric[] =>
		policies.map(({ name }) => [NAMESPACE, metric, SERVICE.Name, SERVICE.Value, 'policy', name])
	return {
		title: 'Coverage: hours behind, backups due, failing and gone',
		stat: 'Maximum',
		metrics: ['HoursBehind', 'BackupsDue', 'BackupsFailing', 'BackupsGone'].flatMap(ofPolicy),
	}
}

export function dashboard(policies: readonly Policy[]): Resources {
	const charts = policies.length === 0 ? CHARTS : [...CHARTS, toCoverageChart(policies)]
	return {
		Dashboard: {
			Type: 'AWS::CloudWatch::Dashboard',
			Properties: {
				DashboardName: PREFIX,
				DashboardBody: sub(
					JSON.stringify({
						widgets: charts.map(({ title, stat, metrics }, index) => ({
							type: 'metric',
							x: (index % COLUMNS) * WIDTH,
							y: Math.floor(index / COLUMNS) * HEIGHT,
							width: WIDTH,
							height: HEIGHT,
							properties: { title, stat, metrics, period: 300, region: '${AWS::Region}', view: 'timeSeries' },
						})),
					}),
				),
			},
		},
	}
}
