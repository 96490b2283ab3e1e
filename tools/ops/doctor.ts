import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { GetTopicAttributesCommand } from '@aws-sdk/client-sns'
import { EXPORT_ID_INDEX } from '../../lib/aws/exports-table.ts'
import { count } from '../terminal/count.ts'
import { checkAlarms } from './check-alarms.ts'
import { checkBucket, checkBucketUse, hintAt } from './check-bucket.ts'
import { checkNcp } from './check-ncp.ts'
import { checkDead, checkMapping, checkQueue } from './check-queue.ts'
import { type Finding, failed, ok, type Verdict, warning } from './finding.ts'
import { NeedFailed, runChecks } from './run-checks.ts'
import type { Target } from './target.ts'

type Keys = Awaited<ReturnType<Target['readKeys']>>

interface Examined extends Target {
	/** Read once, for the checks of NCP, of the webhook secrets and of the buckets. Throws `NeedFailed`. */
	keys: () => Promise<Keys>
}

type Checks = readonly [name: string, run: (examined: Examined) => Promise<Verdict>][]

const QUEUES: Checks = [
	[
		'request queue',
		(target) => checkQueue(target.connection.requestQueueUrl, target.connection.deadLetterQueueUrl, target),
	],
	[
		'arrival queue',
		(target) =>
			checkQueue(target.connection.arrivalQueueUrl, target.connection.arrivalDeadLetterQueueUrl, target),
	],
	[
		'coverage queue',
		(target) =>
			checkQueue(target.connection.coverageQueueUrl, target.connection.coverageDeadLetterQueueUrl, target),
	],
	['dead letters of requests', (target) => checkDead(target.connection.deadLetterQueueUrl, target)],
	[
		'dead letters of arrival checks',
		(target) => checkDead(target.connection.arrivalDeadLetterQueueUrl, target),
	],
	[
		'dead letters of coverage checks',
		(target) => checkDead(target.connection.coverageDeadLetterQueueUrl, target),
	],
	[
		'dead letters of pipeline events',
		(target) => checkDead(target.connection.pipelineDeadLetterQueueUrl, target),
	],
]

/** Of what the local cloud does not have. */
const DEPLOYED: Checks = [
	[
		'event source mapping of requests',
		(target) => checkMapping(target.connection.requestQueueUrl, 'on-queue-message', target),
	],
	[
		'event source mapping of arrival checks',
		(target) => checkMapping(target.connection.arrivalQueueUrl, 'on-arrival-check', target),
	],
	['topic of operations', checkOperationsTopic],
	['alarms', checkAlarms],
]

const OTHERS: Checks = [
	['topic of outcomes', checkTopic],
	['table of exports', checkTable],
	['NCP', async ({ keys, connection }) => checkNcp(await keys(), connection)],
	['webhook secrets', async ({ keys }) => checkWebhookSecrets(await keys())],
]

function listChecks(isLocal: boolean, buckets: readonly string[]): Checks {
	return [
		...QUEUES,
		...(isLocal ? [] : DEPLOYED),
		...OTHERS,
		...buckets.flatMap(
			(bucket): Checks => [
				[`bucket ${bucket}`, async ({ keys, connection }) => checkBucket(bucket, await keys(), connection)],
				[`exports into ${bucket}`, async (target) => checkBucketUse(bucket, await target.keys(), target)],
			],
		),
	]
}

/** Checks everything that the product needs, independently of each other. Changes nothing. Never throws. */
export async function examine(
	target: Target,
	buckets: readonly string[],
	signal: AbortSignal,
): Promise<Finding[]> {
	const { isLocal } = target
	const read = target.readKeys().catch((error) => {
		throw new NeedFailed(isLocal ? 'key pair' : 'secret', error)
	})
	read.catch(() => undefined)
	const examined = { ...target, keys: () => read }
	const checks = listChecks(isLocal, buckets).map(([name, run]) => ({ name, run: () => run(examined) }))
	return runChecks([...checks, ...hintAt(buckets)], isLocal ? 'the local cloud' : 'AWS', signal)
}

/** The findings about a stage whose stack cannot be read, so that nothing else can be checked. */
export function examineWithout(stack: NeedFailed, buckets: readonly string[], signal: AbortSignal) {
	const run = () => Promise.reject(stack)
	const checks = listChecks(false, buckets).map(([name]) => ({ name, run }))
	return runChecks(checks, 'AWS', signal)
}

async function checkTopic({ sns, connection }: Target): Promise<Verdict> {
	const { Attributes = {} } = await sns.send(
		new GetTopicAttributesCommand({ TopicArn: connection.resultTopicArn }),
	)
	const confirmed = Number(Attributes.SubscriptionsConfirmed ?? 0)
	return confirmed === 0
		? warning('it has no subscription: outcomes reach no one')
		: ok(count(confirmed, 'subscription'))
}

async function checkOperationsTopic({ sns, connection }: Target): Promise<Verdict> {
	const { Attributes = {} } = await sns.send(
		new GetTopicAttributesCommand({ TopicArn: connection.operationsTopicArn }),
	)
	const confirmed = Number(Attributes.SubscriptionsConfirmed ?? 0)
	const pending = Number(Attributes.SubscriptionsPending ?? 0)
	if (confirmed > 0) return ok(count(confirmed, 'subscription'))
	return warning(
		pending > 0
			? `alarms reach no one: not yet confirmed by the receiver: ${count(pending, 'subscription')}`
			: `alarms reach no one: subscribe the on-call engineer to ${connection.operationsTopicArn}`,
	)
}

async function checkTable({ dynamodb, connection, isLocal }: Target): Promise<Verdict> {
	const TableName = connection.exportsTableName
	const [{ Table }, { TimeToLiveDescription }] = await Promise.all([
		dynamodb.send(new DescribeTableCommand({ TableName })),
		dynamodb.send(new DescribeTimeToLiveCommand({ TableName })),
	])
	if (Table?.TableStatus !== 'ACTIVE')
		return failed(`the table ${TableName} is ${Table?.TableStatus}, not ACTIVE`)
	if (Table.KeySchema?.[0]?.AttributeName !== 'exportKey')
		return failed(`the key of the table ${TableName} is not "exportKey"`)
	if (!Table.GlobalSecondaryIndexes?.some(({ IndexName }) => IndexName === EXPORT_ID_INDEX))
		return failed(
			`the table ${TableName} has no index "${EXPORT_ID_INDEX}": status by id and the webhook's GET fail`,
		)
	// The local table is deleted before any item expires.
	if (!isLocal && TimeToLiveDescription?.AttributeName !== 'expiresAt')
		return warning(`the table ${TableName} has no TTL on "expiresAt": it grows without limit`)
	return ok(`key${isLocal ? '' : ', TTL'} and index are correct`)
}

async function checkWebhookSecrets({ webhookSecretCount: count }: Keys): Promise<Verdict> {
	if (count === null) return ok('the local webhook takes unsigned calls')
	return count === 0
		? failed('the secret has no webhookSecrets: the webhook answers every request with 503')
		: ok(`${count} in the secret`)
}
