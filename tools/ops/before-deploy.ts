import { GetAccountSettingsCommand } from '@aws-sdk/client-lambda'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import type { Secret } from '../../lib/aws/secrets.ts'
import { defaultOf } from '../template/defaults.ts'
import { concurrencyQuota } from '../template/numbers.ts'
import { API_URLS, BUCKET_ZONES, type BucketZoneName } from '../template/zones.ts'
import { count } from '../terminal/count.ts'
import { checkBucket, hintAt } from './check-bucket.ts'
import { checkNcp } from './check-ncp.ts'
import type { Clients } from './clients.ts'
import type { Connection } from './connection.ts'
import { type Finding, failed, ok, type Verdict, warning } from './finding.ts'
import { CallFailed, OpsError } from './ops-error.ts'
import { NeedFailed, runChecks } from './run-checks.ts'
import { readSecret } from './target.ts'

/** What a deploy will use. */
export interface Plan
	extends Pick<Connection, 'ncpApiUrl' | 'ncpRegionCode' | 'objectStorageUrl' | 'objectStorageRegion'> {
	/** AWS's. */
	region: string
	secretId: string
}

/** The parameters of the deploy that are not to have their defaults. */
export interface PlanOptions {
	secret?: string
	bucketZone?: BucketZoneName
	regionCode?: string
}

/** From the parameters of serverless.yml. As for the functions, `NCP_API_URL` and `OBJECT_STORAGE_URL` say where NCP is. */
export function planDeploy(
	region: string,
	{ secret, bucketZone, regionCode }: PlanOptions,
	{ NCP_API_URL, OBJECT_STORAGE_URL, OBJECT_STORAGE_REGION }: NodeJS.ProcessEnv,
): Plan {
	const zone = BUCKET_ZONES[bucketZone ?? (defaultOf('bucketZone') as BucketZoneName)]
	return {
		region,
		secretId: secret ?? defaultOf('secretId'),
		ncpApiUrl: NCP_API_URL || API_URLS[zone.ncpZone],
		ncpRegionCode: regionCode ?? defaultOf('regionCode'),
		objectStorageUrl: OBJECT_STORAGE_URL || zone.url,
		objectStorageRegion: OBJECT_STORAGE_REGION || zone.region,
	}
}

/** Checks what a deploy needs and does not create, with the operator's AWS credentials. Changes nothing. Never throws. */
export async function examineBeforeDeploy(
	plan: Plan,
	{ sts, lambda, secrets }: Pick<Clients, 'sts' | 'lambda' | 'secrets'>,
	buckets: readonly string[],
	signal: AbortSignal,
): Promise<Finding[]> {
	const secret = readSecret(secrets, plan.secretId).catch((error) => {
		throw new NeedFailed('secret', isMissing(error) ? missing(plan) : error)
	})
	secret.catch(() => undefined)
	const checks = [
		{ name: 'AWS account', run: () => checkAccount(sts) },
		{ name: 'concurrency quota', run: () => checkQuota(lambda, plan.region) },
		{ name: 'secret', run: async () => checkSecret(await secret) },
		{ name: 'NCP', run: async () => checkNcp(await secret, plan) },
		...buckets.map((bucket) => ({
			name: `bucket ${bucket}`,
			run: async () => checkBucket(bucket, await secret, plan),
		})),
		...hintAt(buckets),
	]
	return runChecks(checks, 'AWS', signal)
}

async function checkAccount(sts: Clients['sts']): Promise<Verdict> {
	const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}))
	return ok(`${Account}, as ${Arn}`)
}

/** Lambda's quota "Concurrent executions". https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const QUOTA_CODE = 'L-B99A9384'

async function checkQuota(lambda: Clients['lambda'], region: string): Promise<Verdict> {
	const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}))
	const { ConcurrentExecutions: quota = 0, UnreservedConcurrentExecutions: unreserved = 0 } =
		AccountLimit ?? {}
	const reserved = quota - unreserved
	const raise = `aws service-quotas request-service-quota-increase --region ${region} --service-code lambda --quota-code ${QUOTA_CODE} --desired-value ${Math.max(1_000, reserved + concurrencyQuota)}`
	if (quota < concurrencyQuota)
		return failed(`it is ${quota}, and a stage needs ${concurrencyQuota}: ${raise}`)
	// Whether the stage is among those that reserve it already is not known.
	if (unreserved < concurrencyQuota)
		return warning(
			`${reserved} of ${quota} are reserved already, and a new stage needs ${concurrencyQuota} that are not: unless this stage is deployed already, ${raise}`,
		)
	return ok(`${unreserved} of ${quota} are not reserved, and a stage needs ${concurrencyQuota}`)
}

function checkSecret({ webhookSecrets }: Secret): Verdict {
	return webhookSecrets.length === 0
		? warning('it has a key pair, but no webhookSecrets: the webhook will answer every request with 503')
		: ok(`it has a key pair and ${count(webhookSecrets.length, 'webhook secret')}`)
}

function isMissing(error: unknown): boolean {
	const cause = error instanceof Error ? error.cause : null
	return cause instanceof CallFailed && cause.name === 'ResourceNotFoundException'
}

function missing({ secretId, region }: Plan): OpsError {
	return new OpsError(
		`there is no secret ${secretId} in ${region}: create it with "aws secretsmanager create-secret --region ${region} --name ${secretId} --secret-string file:///dev/stdin", or name another with --secret`,
	)
}
