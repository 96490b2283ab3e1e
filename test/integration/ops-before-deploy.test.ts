import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedAws, startEmbeddedAws } from '../../tools/local/embedded-aws.ts'
import { type NcpSimulator, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'
import { concurrencyQuota } from '../../tools/template/numbers.ts'
import { type AwsApis, startAwsApis } from '../aws-apis.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'
import { runCommand } from './command.ts'

const KEYS = { accessKey: 'OPERATORS-NCP-KEY', secretKey: 'swordfish-swordfish' }
const SECRET = JSON.stringify({
	...KEYS,
	webhookSecrets: [`whsec_${Buffer.alloc(24, 'w').toString('base64')}`],
})

let apis: AwsApis
let secrets: EmbeddedSecrets
let ncp: NcpSimulator
let storage: EmbeddedAws
beforeAll(async () => {
	apis = await startAwsApis()
	secrets = await startEmbeddedSecrets()
	storage = await startEmbeddedAws()
	await storage.createBucket('my-bucket')
	ncp = await startNcpSimulator({
		keys: new Map([[KEYS.accessKey, KEYS.secretKey]]),
		instances: new Map(),
		buckets: new Set(),
	})
})
afterAll(async () => {
	await ncp.stop()
	await storage.stop()
	await secrets.stop()
	await apis.stop()
})
beforeEach(() => {
	apis.failure = null
	apis.accountLimit = { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 950 }
	secrets.put('ncp/backup-exporter', SECRET)
})

const doctor = (args: string[], env: Record<string, string> = {}) =>
	runCommand('tools/ops/main.ts', ['doctor', ...args], {
		env: {
			...apis.env,
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
			NCP_API_URL: ncp.url,
			OBJECT_STORAGE_URL: storage.endpoint,
			// There is no local cloud.
			LOCAL_CLOUD_FILE: '/nowhere/cloud.json',
			...env,
		},
	})

const beforeDeploy = (args: string[] = [], env: Record<string, string> = {}) =>
	doctor(['--before-deploy', '--region', 'ap-northeast-2', ...args], env)

describe('ops doctor --before-deploy', () => {
	it('finds that a deploy has all it needs, and shows no secret', async () => {
		const { code, output, errors } = await beforeDeploy(['--bucket', 'my-bucket'])
		expect(output.split('\n')).toEqual([
			'Checking what a deploy to ap-northeast-2 needs …',
			'ok       AWS account: 123456789012, as arn:aws:iam::123456789012:user/operator',
			`ok       concurrency quota: 950 of 1000 are not reserved, and a stage needs ${concurrencyQuota}`,
			'ok       secret: it has a key pair and 1 webhook secret',
			`ok       NCP: ${ncp.url} accepts the key pair`,
			'ok       bucket my-bucket: the key pair can list its objects',
			'',
			'No check failed.',
		])
		expect(errors).toBe('')
		expect(code).toBe(0)
	})

	it('says how to raise the quota of a new account', async () => {
		apis.accountLimit = { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10 }
		const { code, output } = await beforeDeploy()
		expect(output).toContain(
			`FAILED   concurrency quota: it is 10, and a stage needs ${concurrencyQuota}: aws service-quotas request-service-quota-increase --region ap-northeast-2 --service-code lambda --quota-code L-B99A9384 --desired-value 1000`,
		)
		expect(output).toContain('1 of 5 checks failed.')
		expect(code).toBe(1)
	})

	it('warns when other functions reserve so much that only an existing stage can be deployed', async () => {
		apis.accountLimit = { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: concurrencyQuota - 1 }
		const { code, output } = await beforeDeploy()
		expect(output).toMatch(
			new RegExp(
				`warning {2}concurrency quota: ${1_001 - concurrencyQuota} of 1000 are reserved already.*--desired-value 1001`,
			),
		)
		expect(code).toBe(0)
	})

	it.each([
		[
			'a missing secret',
			'other',
			/there is no secret other in ap-northeast-2: create it with "aws .*--name other/,
		],
		['a malformed secret', 'malformed', /the secret malformed must be \{ "accessKey"/],
	])('reports %s once, and what cannot be checked without it', async (_name, secretId, words) => {
		secrets.put('malformed', '{"accessKey":"swordfish"}')
		const args = ['--secret', secretId, '--bucket', 'my-bucket']
		const { json, code } = await beforeDeploy([...args, '--json'])
		expect(json()).toMatchObject([
			{ check: 'AWS account', result: 'ok' },
			{ check: 'concurrency quota', result: 'ok' },
			{
				check: 'secret',
				result: 'failed',
				words: expect.stringMatching(words),
				unchecked: ['NCP', 'bucket my-bucket'],
			},
		])
		expect(code).toBe(1)
		const { output } = await beforeDeploy(args)
		expect(output).toContain('         Not checked because of it: NCP, bucket my-bucket.')
		expect(output).toContain('1 of 3 checks failed. 2 more could not be made.')
		expect(output).not.toContain('swordfish')
	})

	it('warns of a secret without webhook secrets', async () => {
		secrets.put('ncp/backup-exporter', JSON.stringify(KEYS))
		const { code, output } = await beforeDeploy()
		expect(output).toMatch(/warning {2}secret: it has a key pair, but no webhookSecrets/)
		expect(code).toBe(0)
	})

	it('reports a key pair that NCP does not accept, and one that cannot list the bucket', async () => {
		secrets.put('ncp/backup-exporter', JSON.stringify({ ...KEYS, secretKey: 'another' }))
		const { code, output } = await beforeDeploy(['--bucket', 'my-buckt'])
		expect(output).toMatch(/FAILED {3}NCP: NCP does not accept the key pair/)
		expect(output).toMatch(
			/FAILED {3}bucket my-buckt: there is no bucket my-buckt in .*wrong name or wrong zone/,
		)
		expect(code).toBe(1)
	})

	it.each([
		['ExpiredToken', 'they have expired; log in again'],
		['InvalidClientTokenId', 'AWS does not know them'],
	])('reports AWS credentials once that every service refuses with %s', async (failure, words) => {
		apis.failure = failure
		const everything = { AWS_ENDPOINT_URL_SECRETS_MANAGER: apis.url }
		const { json, code } = await beforeDeploy(['--bucket', 'my-bucket', '--json'], everything)
		expect(json()).toEqual([
			{
				check: 'AWS',
				result: 'failed',
				words: `AWS rejected the AWS credentials: ${words}`,
				unchecked: ['AWS account', 'concurrency quota', 'secret', 'NCP', 'bucket my-bucket'],
			},
		])
		expect(code).toBe(1)
	})

	it('reports the network once when nothing can be reached', async () => {
		const nowhere = 'http://127.0.0.1:1'
		const services = ['STS', 'LAMBDA', 'SECRETS_MANAGER'].map((name) => [`AWS_ENDPOINT_URL_${name}`, nowhere])
		const { json } = await beforeDeploy(['--json'], Object.fromEntries(services))
		expect(json()).toMatchObject([
			{ check: 'AWS', result: 'failed', unchecked: ['AWS account', 'concurrency quota', 'secret', 'NCP'] },
			{ check: 'bucket', result: 'skipped' },
		])
	})

	it.each([
		[['--before-deploy', '--stage', 'prod'], '--before-deploy cannot be combined with --stage'],
		[['--secret', 'other'], 'need --before-deploy'],
		[['--stage', 'prod', '--bucket-zone', 'kr'], 'need --before-deploy'],
		[['--before-deploy', '--bucket-zone', 'mars'], 'Allowed choices are kr, sg, us'],
	])('%j is a mistake in the command', async (args, words) => {
		const { code, errors } = await doctor(args)
		expect(errors).toContain(words)
		expect(code).toBe(2)
	})
})
