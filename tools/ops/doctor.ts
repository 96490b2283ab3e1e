import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { GetTopicAttributesCommand } from '@aws-sdk/client-sns'
import { GetQueueAttributesCommand, type QueueAttributeName } from '@aws-sdk/client-sqs'
import { EXPORT_ID_INDEX } from '../../lib/aws/exports-table.ts'
import { createCallAction } from '../../lib/ncp/call-action.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import type { KeyPair } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { checkBucket, checkBucketUse } from './check-bucket.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'
import { OpsError, toMessage } from './ops-error.ts'
import type { Target } from './target.ts'

type Check = () => Promise<Omit<Finding, 'check'>>

const CALL_MS = 10_000

/** Checks everything that the product needs, independently of each other. Changes nothing. Never throws. */
export async function examine(
	target: Target,
	buckets: readonly string[],
	signal: AbortSignal,
): Promise<Finding[]> {
	const { connection } = target
	// Read once, for the checks of NCP, of the webhook secrets and of the buckets.
	const keys: Promise<Keys> = target.readKeys()
	keys.catch(() => undefined)
	const checks: [string, Check][] = [
		['request queue', () => checkQueue(connection.requestQueueUrl, target)],
		['arrival queue', () => checkQueue(connection.arrivalQueueUrl, target)],
		['coverage queue', () => checkQueue(connection.coverageQueueUrl, target)],
		['dead letters of requests', () => checkDead(connection.deadLetterQueueUrl, target)],
		['dead letters of arrival checks', () => checkDead(connection.arrivalDeadLetterQueueUrl, target)],
		['dead letters of coverage checks', () => checkDead(connection.coverageDeadLetterQueueUrl, target)],
		['dead letters of pipeline events', () => checkDead(connection.pipelineDeadLetterQueueUrl, target)],
		['topic of outcomes', () => checkTopic(target)],
		['table of exports', () => checkTable(target)],
		['NCP', async () => checkNcp(await readKeys(keys), target)],
		['webhook secrets', async () => checkWebhookSecrets(await readKeys(keys))],
		...buckets.flatMap((bucket): [string, Check][] => [
			[`bucket ${bucket}`, async () => checkBucket(bucket, await readKeys(keys), target)],
			[`exports into ${bucket}`, async () => checkBucketUse(bucket, await readKeys(keys), target)],
		]),
	]
	if (buckets.length === 0) checks.push(['bucket', async () => skipped('name one with --bucket to check it')])
	const interrupted = Promise.withResolvers<Omit<Finding, 'check'>>()
	signal.addEventListener('abort', () => interrupted.resolve(skipped('interrupted')))
	return Promise.all(
		checks.map(async ([check, run]) => {
			const checked = run().catch((error) => failed(toMessage(error)))
			return { check, ...(await Promise.race([checked, interrupted.promise])) }
		}),
	)
}

type Keys = Awaited<ReturnType<Target['readKeys']>>

async function readKeys(keys: Promise<Keys>): Promise<Keys> {
	return keys.catch((error) => {
		throw new OpsError(`the key pair cannot be read: ${toMessage(error)}`)
	})
}

async function readAttributes(
	QueueUrl: string,
	AttributeNames: QueueAttributeName[],
	{ sqs }: Target,
): Promise<Partial<Record<QueueAttributeName, string>>> {
	const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))
	return Attributes
}

async function checkQueue(url: string, target: Target) {
	const attributes = await readAttributes(url, ['All'], target)
	const waiting = Number(attributes.ApproximateNumberOfMessages)
	const hidden = Number(attributes.ApproximateNumberOfMessagesNotVisible)
	if (!attributes.RedrivePolicy)
		return warning('it has no dead-letter queue: failing messages are retried until they expire')
	return ok(`${waiting} waiting, ${hidden} in progress or backing off`)
}

async function checkDead(url: string, target: Target) {
	const { ApproximateNumberOfMessages: count } = await readAttributes(
		url,
		['ApproximateNumberOfMessages'],
		target,
	)
	return count === '0' ? ok('empty') : warning(`${count} messages; see "npm run ops -- dead-letters list"`)
}

async function checkTopic({ sns, connection }: Target) {
	const { Attributes = {} } = await sns.send(
		new GetTopicAttributesCommand({ TopicArn: connection.resultTopicArn }),
	)
	const count = Number(Attributes.SubscriptionsConfirmed ?? 0)
	return count === 0 ? warning('it has no subscription: outcomes reach no one') : ok(`${count} subscriptions`)
}

async function checkTable({ dynamodb, connection, isLocal }: Target) {
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

/** Lists instances, which exports nothing. Source: NCP API guide, database-vpostgresql-getcloudpostgresqlinstancelist. */
async function checkNcp(keys: KeyPair, { connection: { ncpApiUrl, ncpRegionCode } }: Target) {
	const call = createCallAction({
		apiUrl: ncpApiUrl,
		credentials: fixedCredentials(keys),
		timeoutMs: CALL_MS,
		clock: { now: Date.now, correct: () => undefined },
	})
	const form = ncpRegionCode === '' ? '' : `regionCode=${encodeURIComponent(ncpRegionCode)}`
	return judge(await call('/vpostgresql/v2/getCloudPostgresqlInstanceList', form, CALL_MS), ncpApiUrl)
}

async function checkWebhookSecrets({ webhookSecretCount: count }: Keys) {
	if (count === null) return ok('the local webhook takes unsigned calls')
	return count === 0
		? failed('the secret has no webhookSecrets: the webhook answers every request with 503')
		: ok(`${count} in the secret`)
}

const MAX_SKEW_MS = 60_000

function judge(reply: Reply, apiUrl: string) {
	const { kind, sent, message, dateMs, signed } = reply
	const skewMs = dateMs === null || signed === null ? 0 : Math.abs(dateMs - signed.atMs)
	const isClockOff = skewMs > MAX_SKEW_MS
	const clock = isClockOff ? ` This machine's clock is ${Math.round(skewMs / 1000)} s off.` : ''
	switch (kind) {
		case 'accepted':
			return isClockOff
				? warning(`${apiUrl} accepts the key pair.${clock}`)
				: ok(`${apiUrl} accepts the key pair`)
		case 'credentials':
			return failed(
				reply.code === '210'
					? 'NCP knows the key pair, but its sub account lacks the permission for Cloud DB for PostgreSQL'
					: `NCP does not accept the key pair: the access key, the secret key or the clock is wrong.${clock}`,
			)
		case 'later':
			return sent
				? warning(`${apiUrl} answers "${message}": try again later`)
				: failed(`${apiUrl} cannot be reached: ${message}`)
		case 'unknown':
			return failed(`${apiUrl} does not answer like NCP (${message}): is the address correct?`)
		default:
			return failed(
				`${apiUrl} does not answer with a list of instances (${message}): is the address correct?`,
			)
	}
}
