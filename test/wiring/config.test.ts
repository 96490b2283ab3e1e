import { describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/wiring/config.ts'
import { ENVIRONMENT } from '../environment.ts'

const read = (env: NodeJS.ProcessEnv = {}) => readConfig({ ...ENVIRONMENT, ...env }, 'on-queue-message')
const readWebhook = (env: NodeJS.ProcessEnv = {}) => readConfig({ ...ENVIRONMENT, ...env }, 'on-http-request')
const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

describe('readConfig', () => {
	it('has defaults for optional variables', () => {
		expect(read()).toMatchObject({
			apiUrl: 'https://ncloud.apigw.ntruss.com',
			ncpTimeoutMs: 10_000,
			webhookAuth: 'signature',
		})
	})

	it('treats an empty value as unset', () => {
		expect(read({ NCP_API_URL: ' ', NCP_TIMEOUT_MS: '', NCP_REGION_CODE: '' })).toEqual(read())
	})

	it('names every missing variable in one error', () => {
		expect(() => readConfig({}, 'on-queue-message')).toThrow(
			'NCP_ACCESS_KEY is not set; NCP_SECRET_KEY is not set; RESULT_TOPIC_ARN is not set; REQUEST_QUEUE_URL is not set; DEAD_LETTER_QUEUE_URL is not set; EXPORTS_TABLE_NAME is not set; AWS_REGION is not set; AWS_ACCESS_KEY_ID is not set; AWS_SECRET_ACCESS_KEY is not set',
		)
	})

	it.each([
		[{ NCP_API_URL: 'ftp://x' }, 'NCP_API_URL must be an http(s) URL'],
		[{ NCP_API_URL: 'nonsense' }, 'NCP_API_URL must be an http(s) URL'],
		[{ NCP_API_URL: 'http://ncp.example' }, 'NCP_API_URL must be https'],
		[{ NCP_API_URL: 'http://127.0.0.1.evil.example' }, 'NCP_API_URL must be https'],
		[{ NCP_API_URL: 'https://a:b@ncp.example' }, 'nothing but scheme'],
		[{ NCP_API_URL: 'https://ncp.example/?a=1' }, 'nothing but scheme'],
		[{ NCP_REGION_CODE: 'kr' }, 'NCP_REGION_CODE must be'],
		[{ FOLDER_PATH: '/a' }, 'FOLDER_PATH must be folder names'],
		[{ SHARED_DESTINATIONS: 'yes' }, 'SHARED_DESTINATIONS must be refuse or allow'],
		[{ NCP_TIMEOUT_MS: '1e1' }, 'NCP_TIMEOUT_MS must be a whole number from 100 to 60000'],
		[{ NCP_TIMEOUT_MS: 'ten' }, 'NCP_TIMEOUT_MS must be'],
		[{ NCP_ACCESS_KEY: 'a\u0001b' }, 'NCP_ACCESS_KEY must be printable ASCII'],
		[{ WEBHOOK_AUTH: 'open' }, 'WEBHOOK_AUTH must be'],
	])('refuses %j', (env, message) => {
		expect(() => read(env)).toThrow(message)
	})

	it.each(['http://127.0.0.1:1/', 'http://localhost:1', 'http://[::1]:1', 'https://ncp.example/base/'])(
		'accepts %s as the API, without a trailing slash',
		(url) => {
			expect(read({ NCP_API_URL: url }).apiUrl).toBe(url.replace(/\/$/, ''))
		},
	)

	it('reads the key pair and the webhook secrets from the environment or from a secret', () => {
		expect(read().ncpKeys).toEqual({ accessKey: 'AK', secretKey: 'SK' })
		const secret = { CREDENTIALS_SECRET_ID: 'ncp', NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '' }
		expect(read(secret)).toMatchObject({ ncpKeys: null, credentialsSecretId: 'ncp' })
		expect(readWebhook(secret).webhookSecrets).toEqual([])
		expect(() => readWebhook({ ...secret, WEBHOOK_SECRETS: 'short' })).toThrow('24 to 64 bytes')
	})

	it('requires only the variables that the function uses', () => {
		const { REQUEST_QUEUE_URL: _queue, DEAD_LETTER_QUEUE_URL: _dead, ...rest } = ENVIRONMENT
		expect(readConfig(rest, 'on-pipeline-event').requestQueueUrl).toBeNull()
		expect(() => readConfig(rest, 'on-http-request')).toThrow('REQUEST_QUEUE_URL is not set')
	})

	describe('arrival checks', () => {
		const ARRIVAL = {
			OBJECT_STORAGE_URL: 'https://kr.object.ncloudstorage.com/',
			OBJECT_STORAGE_REGION: 'kr-standard',
			ARRIVAL_QUEUE_URL: 'http://arrivals',
		}

		it('are null when they are off, except in the function that makes them', () => {
			expect(read().arrival).toBeNull()
			expect(read({ ...ARRIVAL, OBJECT_STORAGE_URL: '' }).arrival).toBeNull()
			expect(() => readConfig(ENVIRONMENT, 'on-arrival-check')).toThrow(
				'OBJECT_STORAGE_URL is not set; OBJECT_STORAGE_REGION is not set; ARRIVAL_QUEUE_URL is not set',
			)
		})

		it('have defaults', () => {
			expect(read(ARRIVAL).arrival).toEqual({
				objectStorageUrl: 'https://kr.object.ncloudstorage.com',
				objectStorageRegion: 'kr-standard',
				queueUrl: 'http://arrivals',
				deadlineMs: 7_200_000,
				resendAfterMs: 600_000,
				keyPrefix: '{fileName}',
			})
		})

		it.each([
			[{ OBJECT_STORAGE_REGION: '' }, 'OBJECT_STORAGE_REGION is not set'],
			[{ OBJECT_STORAGE_URL: 'http://bucket.example' }, 'OBJECT_STORAGE_URL must be https'],
			[{ ARRIVAL_QUEUE_URL: '' }, 'ARRIVAL_QUEUE_URL is not set'],
			[{ ARRIVAL_DEADLINE_MINUTES: '0' }, 'ARRIVAL_DEADLINE_MINUTES must be a number of minutes'],
			[{ UNKNOWN_RESEND_MINUTES: 'soon' }, 'UNKNOWN_RESEND_MINUTES must be a number of minutes'],
			[{ ARRIVAL_DEADLINE_MINUTES: '720' }, 'DEDUPLICATION_HOURS must cover ARRIVAL_DEADLINE_MINUTES twice'],
		])('refuses %j', (env, message) => {
			expect(() => read({ ...ARRIVAL, ...env })).toThrow(message)
		})
	})

	it('refuses to start a webhook with a missing or weak secret', () => {
		expect(() => readWebhook()).toThrow('WEBHOOK_SECRETS is not set')
		expect(() => readWebhook({ WEBHOOK_SECRETS: `${SECRET} whsec_c2hvcnQ=` })).toThrow('24 to 64 bytes')
		expect(() => readWebhook({ WEBHOOK_SECRETS: 'not base64 !!' })).toThrow('24 to 64 bytes')
		expect(readWebhook({ WEBHOOK_SECRETS: `${SECRET}  ${SECRET}` }).webhookSecrets).toEqual([SECRET, SECRET])
		expect(readWebhook({ WEBHOOK_AUTH: 'iam' }).webhookAuth).toBe('iam')
	})

	it('never puts a value into an error', () => {
		expect(() => readWebhook({ NCP_API_URL: 'http://swordfish', WEBHOOK_SECRETS: 'swordfish' })).toThrow(
			expect.objectContaining({ message: expect.not.stringContaining('swordfish') }),
		)
	})
})
