import { ListObjectsCommand } from '@aws-sdk/client-s3'
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb'
import { DESTINATION_PREFIX } from '../../lib/aws/destinations.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { createListObjects } from '../../lib/object-storage/list-objects.ts'
import type { KeyPair } from '../../lib/ports.ts'
import { type Asked, adviseOnBucket } from './bucket-use.ts'
import type { Connection } from './connection.ts'
import { failed, ok, skipped, type Verdict } from './finding.ts'
import { describeFailure } from './ops-error.ts'
import type { Check } from './run-checks.ts'
import type { Target } from './target.ts'

/** In place of the checks of buckets when none was named. */
export function hintAt(buckets: readonly string[]): Check[] {
	const run = async () => skipped('name one with --bucket to check it')
	return buckets.length === 0 ? [{ name: 'bucket', run }] : []
}

/** Whether the key pair can list the bucket. */
export async function checkBucket(
	Bucket: string,
	keys: KeyPair,
	{ objectStorageUrl, objectStorageRegion }: Pick<Connection, 'objectStorageUrl' | 'objectStorageRegion'>,
): Promise<Verdict> {
	if (objectStorageUrl === '') return skipped('arrival checks are off')
	const client = createObjectStorage({ objectStorageUrl, objectStorageRegion }, async () => keys)
	try {
		await client.send(new ListObjectsCommand({ Bucket, MaxKeys: 1 }))
		return ok('the key pair can list its objects')
	} catch (error) {
		const name = error instanceof Error ? error.name : ''
		if (name === 'NoSuchBucket')
			return failed(`there is no bucket ${Bucket} in ${objectStorageUrl}: wrong name or wrong zone`)
		if (name === 'AccessDenied')
			return failed(`the key pair may not list ${Bucket}: exports to it would end as "unverified"`)
		return failed(describeFailure(`Object Storage at ${objectStorageUrl}`, error))
	} finally {
		client.destroy()
	}
}

/** 400 MB. The operator waits for it. */
const MAX_SCANS = 400
const LIST_MS = 60_000

/** Compares the places that were asked for in the last 60 days with what is in the bucket. */
export async function checkBucketUse(bucket: string, keys: KeyPair, target: Target) {
	const { objectStorageUrl, objectStorageRegion } = target.connection
	if (objectStorageUrl === '') return skipped('arrival checks are off')
	const client = createObjectStorage({ objectStorageUrl, objectStorageRegion }, async () => keys)
	try {
		const listing = await createListObjects(client)(bucket, '', LIST_MS)
		if (listing.kind === 'unreadable') return skipped('the bucket cannot be listed')
		const asked = await readAsked(bucket, target)
		const { result, words } = adviseOnBucket(asked.read, listing.objects)
		const isWhole = listing.isWhole && asked.isWhole
		return { result, words: isWhole ? words : `${words} (incomplete: bucket or table was only partly read)` }
	} finally {
		client.destroy()
	}
}

async function readAsked(
	bucket: string,
	{ dynamodb, connection }: Target,
): Promise<{ read: Asked[]; isWhole: boolean }> {
	const client = DynamoDBDocumentClient.from(dynamodb)
	const asked: Asked[] = []
	let ExclusiveStartKey: Record<string, unknown> | undefined
	for (let scans = 0; scans < MAX_SCANS; scans++) {
		const { Items = [], LastEvaluatedKey } = await client.send(
			new ScanCommand({
				TableName: connection.exportsTableName,
				FilterExpression: 'begins_with(exportKey, :prefix) AND bucketName = :bucket AND expiresAt > :now',
				ExpressionAttributeValues: {
					':prefix': DESTINATION_PREFIX,
					':bucket': bucket,
					':now': Math.floor(Date.now() / 1000),
				},
				ProjectionExpression: 'heldBy, folderPath, fileName',
				...(ExclusiveStartKey ? { ExclusiveStartKey } : {}),
			}),
		)
		for (const { heldBy, folderPath, fileName } of Items)
			asked.push({ instance: heldBy, folderPath: folderPath ?? undefined, fileName })
		if (LastEvaluatedKey === undefined) return { read: asked, isWhole: true }
		ExclusiveStartKey = LastEvaluatedKey
	}
	return { read: asked, isWhole: false }
}
