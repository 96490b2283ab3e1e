import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { wire } from '../../lib/wiring/wire.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { ENVIRONMENT } from '../environment.ts'
import { acceptedEvent } from '../events.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'

afterEach(() => vi.unstubAllEnvs())

const PLENTY = { getRemainingTimeInMillis: () => 25_000 }

it('builds every port from the environment without opening a connection', () => {
	for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value)
	const { config, begin } = wire('on-queue-message')
	const { ports } = begin(PLENTY)
	expect(config.resultTopicArn).toBe('arn:topic')
	expect(ports.deduplicationMs).toBe(24 * 60 * 60 * 1000)
	expect(ports.createId(1) < ports.createId(2)).toBe(true)
})

it('refuses an incomplete environment', () => {
	for (const name of Object.keys(ENVIRONMENT)) vi.stubEnv(name, '')
	expect(() => wire('on-queue-message')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

it('waits for a topic that takes two seconds, and publishes once', async () => {
	let requests = 0
	const server = createServer((request, response) => {
		requests++
		request.resume()
		const body =
			'<PublishBatchResponse><PublishBatchResult><Successful><member><Id>0</Id></member></Successful></PublishBatchResult></PublishBatchResponse>'
		setTimeout(() => response.end(body), 2_000)
	})
	for (const [name, value] of Object.entries({ ...ENVIRONMENT, AWS_ENDPOINT_URL_SNS: await listen(server) }))
		vi.stubEnv(name, value)
	await wire('on-pipeline-event').begin(PLENTY).ports.publish(acceptedEvent('a'))
	await close(server)
	expect(requests).toBe(1)
})

describe('the webhook’s secrets', () => {
	let secrets: EmbeddedSecrets
	beforeEach(async () => {
		secrets = await startEmbeddedSecrets()
	})
	afterEach(() => secrets.stop())

	it('come from the secret otherwise, as the key pair does', async () => {
		const keys = { accessKey: 'AK', secretKey: 'SK' }
		const webhookSecrets = [`whsec_${Buffer.alloc(24, 1).toString('base64')}`]
		secrets.put('ncp', JSON.stringify({ ...keys, webhookSecrets }))
		const fromSecret = { NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '', CREDENTIALS_SECRET_ID: 'ncp' }
		const endpoint = { AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url }
		for (const [name, value] of Object.entries({ ...ENVIRONMENT, ...fromSecret, ...endpoint }))
			vi.stubEnv(name, value)
		const { begin, credentials } = wire('on-http-request')
		expect(await begin(PLENTY).readWebhookSecrets()).toEqual(webhookSecrets)
		expect(await credentials.get()).toMatchObject(keys)
		expect(secrets.reads()).toBe(1)
	})
})
