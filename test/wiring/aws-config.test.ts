import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient } from '@aws-sdk/client-sns'
import { SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { readAwsConfig, toEndpoint, toQueueEndpoint } from '../../lib/wiring/aws-config.ts'
import { readVariables } from '../../lib/wiring/variables.ts'
import { ENVIRONMENT } from '../environment.ts'

function read(env: NodeJS.ProcessEnv = {}) {
	const variables = readVariables({ ...ENVIRONMENT, ...env })
	return { ...readAwsConfig(variables), problems: variables.problems }
}

describe('readAwsConfig', () => {
	it('keeps a session token when there is one', () => {
		expect(read({ AWS_SESSION_TOKEN: 't' }).credentials.sessionToken).toBe('t')
		expect(read().credentials).not.toHaveProperty('sessionToken')
	})

	it('names every variable that Lambda did not set', () => {
		const variables = readVariables({})
		readAwsConfig(variables)
		expect(variables.problems).toEqual([
			'AWS_REGION is not set',
			'AWS_ACCESS_KEY_ID is not set',
			'AWS_SECRET_ACCESS_KEY is not set',
		])
	})
})

describe('the AWS endpoints', () => {
	it.each([
		[{}, 'https://dynamodb.ap-northeast-2.amazonaws.com'],
		[{ AWS_REGION: 'cn-north-1' }, 'https://dynamodb.cn-north-1.amazonaws.com.cn'],
		[
			{ AWS_REGION: 'us-gov-west-1', AWS_USE_FIPS_ENDPOINT: 'true' },
			'https://dynamodb.us-gov-west-1.amazonaws.com',
		],
		[{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'http://127.0.0.1:1'],
		[
			{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2/' },
			'http://127.0.0.1:2',
		],
	])('follow %j', (env, expected) => {
		const { endpoints, problems } = read(env as Record<string, string>)
		expect(endpoints.dynamodb).toBe(expected)
		expect(problems).toEqual([])
	})

	it('are those of each service, by its own variable or by its own name', () => {
		const endpoints = { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:3' }
		expect(read(endpoints).endpoints).toEqual({
			dynamodb: 'https://dynamodb.ap-northeast-2.amazonaws.com',
			secretsmanager: 'http://127.0.0.1:3',
			sns: 'https://sns.ap-northeast-2.amazonaws.com',
			sqs: 'https://sqs.ap-northeast-2.amazonaws.com',
		})
	})

	it.each([
		['localhost:8000', 'AWS_ENDPOINT_URL_SNS must be an http(s) URL'],
		['ftp://x', 'AWS_ENDPOINT_URL_SNS must be an http(s) URL'],
		['http://127.0.0.1:1/sns', 'AWS_ENDPOINT_URL_SNS must have no path'],
	])('refuse %s by name', (url, words) => {
		expect(read({ AWS_ENDPOINT_URL_SNS: url }).problems).toEqual([words])
	})

	it('blame the common variable when it is the wrong one', () => {
		expect(new Set(read({ AWS_ENDPOINT_URL: 'ftp://x' }).problems)).toEqual(
			new Set(['AWS_ENDPOINT_URL must be an http(s) URL']),
		)
	})
})

describe('toEndpoint', () => {
	const CLIENTS = {
		dynamodb: DynamoDBClient,
		secretsmanager: SecretsManagerClient,
		sns: SNSClient,
		sqs: SQSClient,
	} as const
	const REGIONS = [
		...[
			'us-east-1',
			'eu-west-1',
			'ap-northeast-2',
			'il-central-1',
			'mx-central-1',
			'us-gov-west-1',
			'us-gov-east-1',
		],
		...[
			'cn-north-1',
			'cn-northwest-1',
			'us-iso-east-1',
			'us-isob-east-1',
			'us-isof-south-1',
			'eu-isoe-west-1',
		],
		'eusc-de-east-1',
	]

	it.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])(
		'is for %s what the SDK would call',
		(service) => {
			for (const Region of REGIONS) {
				for (const UseFIPS of [false, true]) {
					const client = new CLIENTS[service]({ region: Region, useFipsEndpoint: UseFIPS })
					const { url } = client.config.endpointProvider({ Region, UseFIPS, UseDualStack: false }, {})
					expect(`${toEndpoint(service, Region, UseFIPS)}/`).toBe(url.href)
				}
			}
		},
	)

	it('is unknown in a region of no known partition, which is an error at start-up', () => {
		expect(toEndpoint('sqs', 'xx-new-1')).toBeNull()
		expect(read({ AWS_REGION: 'xx-new-1' }).problems).toContain(
			'AWS_REGION xx-new-1 is in no known partition: set AWS_ENDPOINT_URL_SQS',
		)
		const given = { AWS_REGION: 'xx-new-1', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }
		expect(read(given).problems).toEqual([])
	})
})

describe('toQueueEndpoint', () => {
	const QUEUE = 'https://vpce-1.sqs.ap-northeast-2.vpce.amazonaws.com/1/requests'

	it('is where the queue’s URL says, unless somebody set an endpoint', () => {
		expect(toQueueEndpoint(read(), QUEUE)).toBe('https://vpce-1.sqs.ap-northeast-2.vpce.amazonaws.com')
		expect(toQueueEndpoint(read({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }), QUEUE)).toBe(
			'http://127.0.0.1:1',
		)
		expect(toQueueEndpoint(read({ AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:2' }), QUEUE)).toBe(
			'http://127.0.0.1:2',
		)
	})
})
