import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { ListObjectsCommand } from '@aws-sdk/client-s3'
import { GetTopicAttributesCommand } from '@aws-sdk/client-sns'
import { GetQueueAttributesCommand, type QueueAttributeName } from '@aws-sdk/client-sqs'
import { EXPORT_ID_INDEX } from '../../lib/aws/exports-table.ts'
import { createCallAction } from '../../lib/ncp/call-action.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import type { KeyPair } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import { OpsError, toWords } from './ops-error.ts'
import type { Target } from './target.ts'

/** `warning` = it works, but somebody should look; `skipped` = nobody looked. */
export interface Finding {
	check: string
	result: 'ok' | 'warning' | 'failed' | 'skipped'
	/** What was seen, and what to do about it. */
	words: string
}

type Check = () => Promise<Omit<Finding, 'check'>>

const CALL_MS = 10_000

/** Everything that the product needs, each looked at on its own. Changes nothing anywhere. Never throws. */
export async function examine(
	target: Target,
	buckets: readonly string[],
	signal: AbortSignal,
): Promise<Finding[]> {
	const { connection } = target
	// Read once: the pair opens NCP and the buckets.
	const keys: Promise<Keys> = target.readKeys()
	keys.catch(() => undefined)
	const checks: [string, Check][] = [
		['request queue', () => checkQueue(connection.requestQueueUrl, target)],
		['arrival queue', () => checkQueue(connection.arrivalQueueUrl, target)],
		['dead letters of requests', () => checkDead(connection.deadLetterQueueUrl, target)],
		['dead letters of arrival checks', () => checkDead(connection.arrivalDeadLetterQueueUrl, target)],
		['dead letters of pipeline events', () => checkDead(connection.pipelineDeadLetterQueueUrl, target)],
		['topic of outcomes', () => checkTopic(target)],
		['table of exports', () => checkTable(target)],
		['NCP', async () => checkNcp(await readKeys(keys), target)],
		['webhook secrets', async () => checkWebhookSecrets(await readKeys(keys))],
		...buckets.map((bucket): [string, Check] => [
			`bucket ${bucket}`,
			async () => checkBucket(bucket, await readKeys(keys), target),
		]),
	]
	if (buckets.length === 0)
		checks.push(['bucket', async () => skipped('name one with --bucket to look into it')])
	const interrupted = Promise.withResolvers<Omit<Finding, 'check'>>()
	signal.addEventListener('abort', () => interrupted.resolve(skipped('interrupted')))
	return Promise.all(
		checks.map(async ([check, run]) => {
			const looked = run().catch((error) => failed(toWords(error)))
			return { check, ...(await Promise.race([looked, interrupted.promise])) }
		}),
	)
}

type Keys = Awaited<ReturnType<Target['readKeys']>>

async function readKeys(keys: Promise<Keys>): Promise<Keys> {
	return keys.catch((error) => {
		throw new OpsError(`the key pair cannot be read: ${toWords(error)}`)
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
	if (!attributes.RedrivePolicy) return warning('it has no dead-letter queue: what fails is tried for ever')
	return ok(`${waiting} waiting, ${hidden} being worked on or backing off`)
}

async function checkDead(url: string, target: Target) {
	const { ApproximateNumberOfMessages: count } = await readAttributes(
		url,
		['ApproximateNumberOfMessages'],
		target,
	)
	return count === '0' ? ok('empty') : warning(`${count}; see "npm run ops -- dead-letters list"`)
}

async function checkTopic({ sns, connection }: Target) {
	const { Attributes = {} } = await sns.send(
		new GetTopicAttributesCommand({ TopicArn: connection.resultTopicArn }),
	)
	const count = Number(Attributes.SubscriptionsConfirmed ?? 0)
	return count === 0 ? warning('nobody has subscribed: outcomes go nowhere') : ok(`${count} subscribed`)
}

async function checkTable({ dynamodb, connection, isLocal }: Target) {
	const TableName = connection.exportsTableName
	const [{ Table }, { TimeToLiveDescription }] = await Promise.all([
		dynamodb.send(new DescribeTableCommand({ TableName })),
		dynamodb.send(new DescribeTimeToLiveCommand({ TableName })),
	])
	if (Table?.TableStatus !== 'ACTIVE') return failed(`it is ${Table?.TableStatus ?? 'not there'}`)
	if (Table.KeySchema?.[0]?.AttributeName !== 'exportKey') return failed('its key is not "exportKey"')
	if (!Table.GlobalSecondaryIndexes?.some(({ IndexName }) => IndexName === EXPORT_ID_INDEX))
		return failed(`it has no index "${EXPORT_ID_INDEX}": status and the webhook's GET find nothing`)
	// The local table is gone before anything in it could expire.
	if (!isLocal && TimeToLiveDescription?.AttributeName !== 'expiresAt')
		return warning('it has no TTL on "expiresAt": it only grows')
	return ok(`its key and index${isLocal ? '' : ', and its TTL,'} are as they should be`)
}

/** Reads a list: nothing is exported. Source: NCP API guide, database-vpostgresql-getcloudpostgresqlinstancelist. */
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
		? failed('the secret has no webhookSecrets: the webhook answers 503 to everybody')
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
			return isClockOff ? warning(`it accepts the key pair.${clock}`) : ok(`${apiUrl} accepts the key pair`)
		case 'credentials':
			return failed(
				reply.code === '210'
					? 'it knows the key pair, which may not use Cloud DB for PostgreSQL: give its sub account that permission'
					: `it does not accept the key pair: wrong access key or secret key, or wrong time.${clock}`,
			)
		case 'later':
			return sent
				? warning(`it is there, but says "${message}": try again in a while`)
				: failed(`${apiUrl} cannot be reached: ${message}`)
		case 'unknown':
			return failed(`${apiUrl} does not answer as NCP does (${message}): is it the right address?`)
		default:
			return failed(`it answers, but not with a list (${message}): is ${apiUrl} the right address?`)
	}
}

async function checkBucket(Bucket: string, keys: KeyPair, { connection }: Target) {
	const { objectStorageUrl, objectStorageRegion } = connection
	if (objectStorageUrl === '') return skipped('arrival checks are off')
	const client = createObjectStorage({ objectStorageUrl, objectStorageRegion }, async () => keys)
	try {
		await client.send(new ListObjectsCommand({ Bucket, MaxKeys: 1 }))
		return ok('its keys can be listed')
	} catch (error) {
		const name = error instanceof Error ? error.name : ''
		if (name === 'NoSuchBucket')
			return failed(`it is not in ${objectStorageUrl}: wrong name, or another zone`)
		if (name === 'AccessDenied')
			return failed('the key pair may not list it: exports into it would end as "unverified"')
		throw error
	} finally {
		client.destroy()
	}
}

const ok = (words: string) => ({ result: 'ok', words }) as const
const warning = (words: string) => ({ result: 'warning', words }) as const
const failed = (words: string) => ({ result: 'failed', words }) as const
const skipped = (words: string) => ({ result: 'skipped', words }) as const
