import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { wire } from '../../lib/wiring/wire.ts'
import { wireArrivalCheck } from '../../lib/wiring/wire-arrival.ts'
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

it('builds the ports of an arrival check, with keys that the SDK reads again', async () => {
	const arrival = {
		OBJECT_STORAGE_URL: 'https://kr.object.ncloudstorage.com',
		OBJECT_STORAGE_REGION: 'kr-standard',
		ARRIVAL_QUEUE_URL: 'http://arrivals',
	}
	for (const [name, value] of Object.entries({ ...ENVIRONMENT, ...arrival })) vi.stubEnv(name, value)
	const { ports } = wireArrivalCheck().begin(PLENTY)
	expect(ports).toMatchObject({ deadlineMs: 7_200_000, resendAfterMs: 600_000 })
	expect(wire('on-queue-message').begin(PLENTY).ports.arrival).toMatchObject({ deadlineMs: 7_200_000 })
	const keys = await createObjectStorage(
		{ objectStorageUrl: 'https://a.example', objectStorageRegion: 'r' },
		fixedCredentials({ accessKey: 'AK', secretKey: 'SK' }).get,
	).config.credentials()
	expect(keys).toMatchObject({ accessKeyId: 'AK', secretAccessKey: 'SK', expiration: expect.any(Date) })
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
	const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
	const KEYS = { accessKey: 'AK', secretKey: 'SK' }
	let secrets: EmbeddedSecrets
	beforeEach(async () => {
		secrets = await startEmbeddedSecrets()
	})
	afterEach(() => secrets.stop())

	function wireWith(env: Record<string, string>) {
		const all = {
			...ENVIRONMENT,
			NCP_ACCESS_KEY: '',
			NCP_SECRET_KEY: '',
			CREDENTIALS_SECRET_ID: 'ncp',
			...env,
		}
		const endpoint = { AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url }
		for (const [name, value] of Object.entries({ ...all, ...endpoint })) vi.stubEnv(name, value)
		const wired = wire('on-http-request')
		return { ...wired, ...wired.begin(PLENTY) }
	}

	it('come from the environment if set there', async () => {
		expect(await wireWith({ WEBHOOK_SECRETS: SECRET }).readWebhookSecrets()).toEqual([SECRET])
		expect(secrets.reads()).toBe(0)
	})

	it('come from the secret otherwise, as the key pair does', async () => {
		secrets.put('ncp', JSON.stringify({ ...KEYS, webhookSecrets: [SECRET] }))
		const { readWebhookSecrets, credentials } = wireWith({})
		expect(await readWebhookSecrets()).toEqual([SECRET])
		expect(await credentials.get()).toMatchObject(KEYS)
		expect(secrets.reads()).toBe(1)
	})

	it('are reported when the secret lacks them, because no caller could be authenticated', async () => {
		secrets.put('ncp', JSON.stringify(KEYS))
		const { readWebhookSecrets, logger } = wireWith({})
		const log = vi.spyOn(logger, 'error').mockImplementation(() => undefined)
		await expect(readWebhookSecrets()).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' })
		expect(log).toHaveBeenCalledWith(expect.any(String), { reason: 'the secret has no webhookSecrets' })
	})

	it('raise an error with a code, a log line and a count when they cannot be read', async () => {
		const { readWebhookSecrets, metrics, logger } = wireWith({})
		const log = vi.spyOn(logger, 'error').mockImplementation(() => undefined)
		await expect(readWebhookSecrets()).rejects.toMatchObject({ code: 'SECRET_UNREADABLE', retryable: true })
		expect(log).toHaveBeenCalledOnce()
		expect(metrics.serializeMetrics()).toMatchObject({ Failed_SECRET_UNREADABLE: 1 })
	})
})
