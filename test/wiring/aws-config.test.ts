import { describe, expect, it } from 'vitest'
import { readAwsConfig, toEndpoint } from '../../lib/wiring/aws-config.ts'
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
			'https://dynamodb-fips.us-gov-west-1.amazonaws.com',
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
	it.each([
		['sqs', 'eu-west-1', false, 'https://sqs.eu-west-1.amazonaws.com'],
		['sns', 'us-gov-east-1', true, 'https://sns-fips.us-gov-east-1.amazonaws.com'],
		['sqs', 'cn-northwest-1', false, 'https://sqs.cn-northwest-1.amazonaws.com.cn'],
	])('of %s in %s, FIPS %s, is %s', (service, region, isFips, url) => {
		expect(toEndpoint(service, region, isFips)).toBe(url)
	})
})
