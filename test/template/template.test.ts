import { createHash } from 'node:crypto'
import { readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, inject, it } from 'vitest'
import { FUNCTION_NAMES, type FunctionName, readConfig } from '../../lib/wiring/config.ts'
import { buildOptions } from '../../tools/build.ts'
import { QUEUES } from '../../tools/template/cloudformation.ts'
import { defaultOf } from '../../tools/template/defaults.ts'
import { concurrencyQuota } from '../../tools/template/numbers.ts'
import { API_URLS, BUCKET_ZONES } from '../../tools/template/zones.ts'
import { isProtected, packageService, type Resource, readTemplate, root } from './packaged.ts'
import { listPermissions, listWildcards, readRows, readWildcards } from './permissions.ts'
import { findMistakes } from './specification.ts'

const folder = inject('packageFolder')
const { resources, outputs } = await readTemplate(folder)

const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type)
const propertiesOf = (type: string): Resource['Properties'][] =>
	ofType(type).map(({ Properties }) => Properties)

describe('the deployed template', () => {
	it('has the five functions on Node.js 24 and arm64', () => {
		expect(
			propertiesOf('AWS::Lambda::Function').map(({ Handler, Runtime, Architectures }) => ({
				Handler,
				Runtime,
				Architectures,
			})),
		).toEqual(
			FUNCTION_NAMES.map((name) => ({
				Handler: `dist/functions/${name}.handler`,
				Runtime: 'nodejs24.x',
				Architectures: ['arm64'],
			})),
		)
	})

	it('exports every handler it names from the file in the zip', async () => {
		for (const { Handler } of propertiesOf('AWS::Lambda::Function')) {
			const [path, name] = Handler.split('.')
			const code = await readFile(join(root, `${path}.cjs`), 'utf8')
			expect(code).toMatch(new RegExp(`\\b${name}:\\(\\)=>`))
			const zip = await readFile(join(folder, `${path.split('/').at(-1)}.zip`))
			expect(zip.includes(`${path}.cjs`)).toBe(true)
		}
	})

	it('sets every variable that a function needs to start', () => {
		// Variables that Lambda sets itself.
		const platform = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' }
		for (const { Handler, Environment } of propertiesOf('AWS::Lambda::Function')) {
			const name = Handler.replace(/^dist\/functions\/|\.handler$/g, '') as FunctionName
			const variables = Object.entries(Environment.Variables as Record<string, unknown>)
			const env = Object.fromEntries(
				variables.map(([key, value]) => [key, typeof value === 'object' ? 'reference' : String(value)]),
			)
			expect(() => readConfig({ ...platform, ...env }, name)).not.toThrow()
			for (const [key] of variables.filter(([, value]) => typeof value === 'object')) {
				const { [key]: _left, ...without } = env
				expect(() => readConfig({ ...platform, ...without }, name)).toThrow(`${key} is not set`)
			}
		}
	})

	it('passes the queue’s redrive setting to the code, and sets the table’s TTL attribute', () => {
		const queue = resources.RequestQueue?.Properties
		const [onMessage] = propertiesOf('AWS::Lambda::Function')
		expect(Number(onMessage?.Environment.Variables.MAX_RECEIVE_COUNT)).toBe(
			queue?.RedrivePolicy.maxReceiveCount,
		)
		expect(propertiesOf('AWS::DynamoDB::Table')).toMatchObject([
			{
				KeySchema: [{ AttributeName: 'exportKey' }],
				TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
			},
		])
	})

	it('sets no unused environment variable', async () => {
		const source = await readFile(join(root, 'lib/wiring/config.ts'), 'utf8')
		for (const { Environment } of propertiesOf('AWS::Lambda::Function')) {
			for (const name of Object.keys(Environment.Variables)) {
				// Powertools reads LOG_LEVEL, the C library MALLOC_ARENA_MAX.
				if (!['LOG_LEVEL', 'MALLOC_ARENA_MAX'].includes(name)) expect(source).toContain(`'${name}'`)
			}
		}
	})

	it('hides a message for at least six time-outs, and receives it at least five times', () => {
		const timeouts = propertiesOf('AWS::Lambda::Function').map(({ Timeout }) => Timeout)
		const [message, , , arrival, coverage] = timeouts
		for (const [name, timeout] of [
			['RequestQueue', message],
			['ArrivalQueue', arrival],
			['CoverageQueue', coverage],
		]) {
			const queue = resources[name]?.Properties as unknown as {
				VisibilityTimeout: number
				RedrivePolicy: { maxReceiveCount: number }
			}
			expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * timeout)
			expect(queue.RedrivePolicy.maxReceiveCount).toBeGreaterThanOrEqual(5)
		}
	})

	it('reports the failures of a batch individually', () => {
		expect(propertiesOf('AWS::Lambda::EventSourceMapping')).toMatchObject(
			Array(3).fill({ FunctionResponseTypes: ['ReportBatchItemFailures'] }),
		)
	})

	it('gives each function its own role, and each queue a dead-letter queue', () => {
		const roles = propertiesOf('AWS::Lambda::Function').map(({ Role }) => Role['Fn::GetAtt'][0])
		expect(new Set(roles).size).toBe(5)
		expect(ofType('AWS::IAM::Role')).toHaveLength(6)
		const redriven = QUEUES.filter((name) => resources[name]?.Properties.RedrivePolicy !== undefined)
		expect(redriven).toEqual(['RequestQueue', 'ArrivalQueue', 'CoverageQueue'])
	})

	it('encrypts everything at rest, and denies access without TLS', () => {
		for (const { SqsManagedSseEnabled } of propertiesOf('AWS::SQS::Queue'))
			expect(SqsManagedSseEnabled).toBe(true)
		for (const { KmsMasterKeyId } of propertiesOf('AWS::SNS::Topic')) expect(KmsMasterKeyId).toBeDefined()
		expect(propertiesOf('AWS::DynamoDB::Table')).toMatchObject([
			{
				BillingMode: 'PAY_PER_REQUEST',
				SSESpecification: { SSEEnabled: true },
				PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
			},
		])
		const policies = [...propertiesOf('AWS::SQS::QueuePolicy'), ...propertiesOf('AWS::SNS::TopicPolicy')]
		const covered = policies.flatMap(({ Queues, Topics }) => [Queues, Topics].flat().filter(Boolean))
		expect(covered.map(({ Ref }) => Ref).sort()).toEqual([...QUEUES, 'OperationsTopic', 'ResultTopic'].sort())
		for (const { PolicyDocument } of policies) {
			expect(PolicyDocument.Statement[0]).toMatchObject({
				Effect: 'Deny',
				Condition: { Bool: { 'aws:SecureTransport': 'false' } },
			})
		}
	})

	it('traces every function, and limits its concurrency', () => {
		for (const { TracingConfig } of propertiesOf('AWS::Lambda::Function'))
			expect(TracingConfig).toEqual({ Mode: 'Active' })
		const reserved = propertiesOf('AWS::Lambda::Function').map((each) => each.ReservedConcurrentExecutions)
		const scaled = propertiesOf('AWS::Lambda::EventSourceMapping').map(
			({ ScalingConfig }) => ScalingConfig.MaximumConcurrency,
		)
		// A poller that outran its function would use up the receives of its messages.
		expect(reserved).toEqual([2, 10, 10, 3, 3])
		expect(scaled).toEqual([2, 2, 2])
		expect(propertiesOf('AWS::ApiGatewayV2::Stage')).toMatchObject([
			{ DefaultRouteSettings: { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 10 } },
		])
		// The time limit of an HTTP API integration is 29 seconds.
		const [, webhook] = propertiesOf('AWS::Lambda::Function')
		expect(webhook?.Timeout).toBeLessThan(29)
	})

	it('needs the quota that the README and docs/operations.md name', async () => {
		const reserved = propertiesOf('AWS::Lambda::Function').map((each) => each.ReservedConcurrentExecutions)
		const sum = reserved.reduce((total, each) => total + each, 0)
		// What doctor demands before a deploy. AWS keeps 100.
		expect(concurrencyQuota).toBe(sum + 100)
		const readme = await readFile(join(root, 'README.md'), 'utf8')
		expect(readme).toContain(
			`reserve ${sum} concurrent executions, so the account's quota must be ${sum + 100} or more`,
		)
		const operations = await readFile(join(root, 'docs/operations.md'), 'utf8')
		expect(operations).toContain(`reserve their concurrency, ${sum} together`)
		expect(operations).toContain(`a quota of ${sum + 100} or more`)
	})

	it('has the defaults that doctor reads before a deploy', () => {
		const zone = BUCKET_ZONES[defaultOf('bucketZone') as 'kr']
		expect(outputs).toMatchObject({
			CredentialsSecretId: { Value: defaultOf('secretId') },
			NcpRegionCode: { Value: defaultOf('regionCode') },
			SharedDestinations: { Value: defaultOf('sharedDestinations') },
			ObjectStorageUrl: { Value: zone.url },
			ObjectStorageRegion: { Value: zone.region },
			NcpApiUrl: { Value: API_URLS[zone.ncpZone] },
		})
	})

	it('lets the queues’ functions send to their own queues, and the dead-letter queues take from theirs alone', () => {
		const loops = propertiesOf('AWS::Lambda::Function').map(({ RecursiveLoop }) => RecursiveLoop)
		// A sweep's message is of one instance, whose check sends none to its own queue.
		expect(loops).toEqual(['Allow', undefined, undefined, 'Allow', undefined])
		const redrives = propertiesOf('AWS::SQS::Queue').map(({ RedriveAllowPolicy }) => RedriveAllowPolicy)
		expect(redrives.filter(Boolean).map(({ redrivePermission }) => redrivePermission)).toEqual([
			'byQueue',
			'byQueue',
			'denyAll',
			'byQueue',
		])
	})

	it('reports the freshness by a schedule whose role may invoke that function alone', () => {
		const fn = { 'Fn::GetAtt': ['OnDasharrivalDashcheckLambdaFunction', 'Arn'] }
		expect(propertiesOf('AWS::Scheduler::Schedule')).toMatchObject([
			{ ScheduleExpression: 'rate(15 minutes)', Target: { Arn: fn, Input: '{"report":"freshness"}' } },
		])
		const { AssumeRolePolicyDocument, Policies } = resources.SchedulerRole?.Properties ?? {}
		expect(AssumeRolePolicyDocument.Statement[0].Principal).toEqual({ Service: 'scheduler.amazonaws.com' })
		expect(Policies[0].PolicyDocument.Statement).toEqual([
			{ Effect: 'Allow', Action: ['lambda:InvokeFunction'], Resource: fn },
		])
	})

	it('names no resource that outlives a failed first deploy, which would block the second', () => {
		const kept = Object.values(resources).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')
		expect(kept.map(({ Type }) => Type)).toEqual(['AWS::DynamoDB::Table'])
		for (const { Properties } of kept) expect(Object.keys(Properties)).not.toContain('TableName')
	})

	it('logs no header and no query of the HTTP API', () => {
		const [stage] = propertiesOf('AWS::ApiGatewayV2::Stage')
		expect(Object.keys(JSON.parse(stage?.AccessLogSettings.Format)).sort()).toEqual(
			[
				'error',
				'integrationStatus',
				'ip',
				'latencyMs',
				'method',
				'path',
				'requestId',
				'status',
				'time',
			].sort(),
		)
	})

	it('states no dependency that a reference implies', () => {
		for (const { DependsOn = [], ...rest } of Object.values(resources)) {
			const text = JSON.stringify(rest)
			for (const id of [DependsOn].flat())
				expect(text).not.toMatch(new RegExp(`"Ref":"${id}"|"Fn::GetAtt":\\["${id}"`))
		}
	})

	it('sets a log retention for every function and for the HTTP API', () => {
		expect(propertiesOf('AWS::Logs::LogGroup')).toMatchObject(Array(6).fill({ RetentionInDays: 30 }))
	})

	it.each([
		['bucketZone=mars', 'bucketZone must be kr, sg, us'],
		['freshnessMinutes=soon', 'freshnessMinutes must be a whole number of minutes'],
		['requestSourceArns=arn:aws:sns:r:1:t, arn:aws:sns:r:1:u', 'separated by commas alone'],
		['folderPath=../x', 'folderPath must be folder names of letters'],
		['retryHours=73', 'retryHours must be a whole number of hours, from 1 to 72'],
		['deduplicationHours=4', 'deduplicationHours must cover arrivalDeadlineMinutes twice'],
		['secretId=arn:aws:secretsmanager:r:1:secret:s-x', 'must be the name of a secret'],
		['coverageFile=coverage.json', 'must be the path of a YAML file'],
		[
			'coverageFile=test/template/wrong.coverage.yml',
			'policy 1 (nightly): bucketName is required; policy 2: name is required',
		],
	])('is refused with --param %s', async (parameter, words) => {
		await expect(packageService('--param', parameter)).rejects.toMatchObject({
			stdout: expect.stringContaining(words),
		})
	})

	it('follows its parameters', async () => {
		const parameters = {
			ncpZone: 'gov',
			bucketZone: 'gov-krs',
			arrivalDeadlineMinutes: '30',
			retryHours: '24',
			freshnessMinutes: '60',
			requestSourceArns: 'arn:aws:sns:r:1:t,arn:aws:events:r:1:rule/x',
		}
		const args = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`])
		const packaged = await packageService(...args)
		await packaged.remove()
		const { outputs: others, resources: other } = packaged
		expect(others.NcpApiUrl?.Value).toBe('https://ncloud.apigw.gov-ntruss.com')
		expect(others.ObjectStorageRegion?.Value).toBe('gov2-standard')
		expect(other.FreshnessAlarm?.Properties.Threshold).toBe(60)
		// Longer retries need more receives, a longer retention, and a longer visibility time-out for messages without back-off.
		expect(other.RequestQueue?.Properties).toMatchObject({
			RedrivePolicy: { maxReceiveCount: 201 },
			VisibilityTimeout: 432,
			MessageRetentionPeriod: 345_600,
		})
		expect(other.ArrivalQueue?.Properties.RedrivePolicy.maxReceiveCount).toBe(201)
		expect(other.RequestQueuePolicy?.Properties.PolicyDocument.Statement[1].Condition).toEqual({
			ArnEquals: { 'aws:SourceArn': ['arn:aws:sns:r:1:t', 'arn:aws:events:r:1:rule/x'] },
		})
		expect(findMistakes(other)).toEqual([])
	})

	it('protects a stage called prod against removal, and no other', async () => {
		const prod = await packageService('--stage', 'prod')
		expect(await isProtected(prod.folder)).toBe(true)
		expect(await isProtected(folder)).toBe(false)
		await prod.remove()
	})

	it('is valid according to AWS’s published specification', () => {
		expect(findMistakes(resources)).toEqual([])
	})
})

describe('the packages', () => {
	const hashes = (path: string) =>
		Promise.all(
			FUNCTION_NAMES.map(async (name) =>
				createHash('sha256')
					.update(await readFile(join(path, `${name}.zip`)))
					.digest('hex'),
			),
		)

	it('are byte for byte the same when they are built again later', async () => {
		const { outputFiles = [] } = await build({ ...buildOptions, write: false })
		for (const { path, contents } of outputFiles) {
			expect(Buffer.from(contents).equals(await readFile(path))).toBe(true)
			// As if they had been built at another time.
			await utimes(path, 1_000_000_000, 1_000_000_000)
		}
		const again = await packageService()
		expect(await hashes(again.folder)).toEqual(await hashes(folder))
		await again.remove()
	})
})

describe('the check against the specification', () => {
	it.each([
		['an unknown type', { A: { Type: 'AWS::SQS::Que', Properties: {} } }, 'no type'],
		[
			'an unknown property',
			{ A: { Type: 'AWS::SQS::Queue', Properties: { Name: 'x' } } },
			'A.Name is unknown',
		],
		['a missing property', { A: { Type: 'AWS::DynamoDB::Table', Properties: {} } }, 'A.KeySchema is missing'],
		[
			'a nested property',
			{
				A: {
					Type: 'AWS::DynamoDB::Table',
					Properties: { KeySchema: [{ AttributeName: 'a', KeyTyp: 'HASH' }] },
				},
			},
			'KeyTyp is unknown',
		],
		[
			'a value of the wrong type',
			{ A: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 'soon' } } },
			'no whole number',
		],
		[
			'a reference to a missing resource',
			{ A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'B' } } } },
			'refers to B',
		],
		[
			'an attribute that does not exist',
			{ A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::GetAtt': ['A', 'Urn'] } } } },
			'A.Urn',
		],
	])('finds %s', (_name, template, words) => {
		expect(findMistakes(template as Record<string, Resource>).join()).toContain(words)
	})
})

describe('docs/permissions.md', () => {
	const page = readFile(join(root, 'docs/permissions.md'), 'utf8')

	it('names every permission of every function, and no other', async () => {
		const rows = readRows(await page)
		expect(rows.map(({ fn, action, on }) => `${fn} ${action} ${on}`).sort()).toEqual(
			listPermissions(resources).sort(),
		)
	})

	it('names a line of code for each permission, which is in that function’s bundle', async () => {
		const { metafile } = await build({ ...buildOptions, write: false, metafile: true })
		for (const { fn, code, file } of readRows(await page)) {
			expect(await readFile(join(root, file), 'utf8')).toContain(code)
			const inputs = metafile.outputs[`dist/functions/${fn}.cjs`]?.inputs ?? {}
			if (file.startsWith('lib/')) expect(Object.keys(inputs)).toContain(file)
		}
	})

	it('lists every command that the code sends', async () => {
		const text = await page
		const { metafile } = await build({ ...buildOptions, write: false, metafile: true })
		const sources = Object.keys(metafile.inputs).filter((path) => path.startsWith('lib/'))
		const texts = await Promise.all(sources.map((path) => readFile(join(root, path), 'utf8')))
		// Named as SDK commands, and as operations of our own callers.
		const operation =
			/new (\w+Command)\(|dynamodb\('(\w+)'|Action=(\w+)|'(\w+\.(?:GetSecretValue|SendMessage))'/g
		const commands = texts.flatMap((source) =>
			[...source.matchAll(operation)].map((match) => match.slice(1).find(Boolean) ?? ''),
		)
		expect(commands.length).toBeGreaterThan(8)
		// SendMessage goes to three queues; its rows name the queue instead.
		for (const command of commands)
			expect(text).toContain(command === 'SendMessageCommand' ? 'QueueUrl: requestQueueUrl' : command)
	})

	it('gives a reason for every wildcard', async () => {
		expect(readWildcards(await page).sort()).toEqual(listWildcards(resources).sort())
	})
})
