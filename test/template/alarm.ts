import type { Resource } from './packaged.ts'

/** One value of one metric, as CloudWatch receives it. */
export interface Datapoint {
	namespace: string
	metric: string
	dimensions: Readonly<Record<string, string>>
	value: number
}

interface EmbeddedMetrics {
	_aws?: {
		CloudWatchMetrics: {
			Namespace: string
			Dimensions: string[][]
			Metrics: { Name: string }[]
		}[]
	}
	[name: string]: unknown
}

/** The datapoints that CloudWatch extracts from log lines. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
export function readDatapoints(lines: readonly string[]): Datapoint[] {
	return lines.flatMap((line) => {
		const parsed = toObject(line)
		return (parsed._aws?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
			Dimensions.flatMap((names) =>
				Metrics.flatMap(({ Name }) =>
					[parsed[Name]].flat().map((value) => ({
						namespace: Namespace,
						metric: Name,
						dimensions: Object.fromEntries(names.map((name) => [name, String(parsed[name])])),
						value: Number(value),
					})),
				),
			),
		)
	})
}

function toObject(line: string): EmbeddedMetrics {
	try {
		return JSON.parse(line) as EmbeddedMetrics
	} catch {
		// A line that is not JSON is not a metric.
		return {}
	}
}

/** Whether an alarm of the template fires on the datapoints of one period; `toText` resolves the template's references. */
export function isFiring(
	{ Properties }: Resource,
	datapoints: readonly Datapoint[],
	toText: (value: unknown) => string,
): boolean {
	const { Namespace, MetricName, Dimensions, Statistic, Threshold, ComparisonOperator, TreatMissingData } =
		Properties
	const wanted = Object.fromEntries(
		Dimensions.map(({ Name, Value }: { Name: string; Value: unknown }) => [Name, toText(Value)]),
	)
	const values = datapoints
		.filter(({ namespace, metric }) => namespace === Namespace && metric === MetricName)
		.filter(({ dimensions }) => isSame(dimensions, wanted))
		.map(({ value }) => value)
	if (values.length === 0) return TreatMissingData === 'breaching'
	const statistic = Statistic === 'Sum' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values)
	if (ComparisonOperator === 'LessThanThreshold') return statistic < Threshold
	if (ComparisonOperator !== 'GreaterThanOrEqualToThreshold') throw new Error(`unknown ${ComparisonOperator}`)
	return statistic >= Threshold
}

/** CloudWatch identifies a metric by all of its dimensions. */
function isSame(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
	const names = Object.keys(left)
	return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
}
