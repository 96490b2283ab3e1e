import { afterEach, expect, it, vi } from 'vitest'
import { fixedCredentials } from '../lib/ncp/credentials.ts'
import { wire } from '../lib/wire.ts'
import { createObjectStorage, wireArrival } from '../lib/wire-arrival.ts'
import { ENVIRONMENT } from './environment.ts'

afterEach(() => vi.unstubAllEnvs())

it('builds every port from the environment, without a single connection', () => {
	for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value)
	const { config, ports } = wire('on-queue-message')
	expect(config.resultTopicArn).toBe('arn:topic')
	expect(ports.deduplicationMs).toBe(24 * 60 * 60 * 1000)
	expect(ports.createId(1) < ports.createId(2)).toBe(true)
})

it('refuses an environment that is not whole', () => {
	for (const name of Object.keys(ENVIRONMENT)) vi.stubEnv(name, '')
	expect(() => wire('on-queue-message')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

it('builds what an arrival check needs, and keys that the SDK asks for again', async () => {
	const arrival = {
		OBJECT_STORAGE_URL: 'https://kr.object.ncloudstorage.com',
		OBJECT_STORAGE_REGION: 'kr-standard',
		ARRIVAL_QUEUE_URL: 'http://arrivals',
	}
	for (const [name, value] of Object.entries({ ...ENVIRONMENT, ...arrival })) vi.stubEnv(name, value)
	const { ports } = wireArrival()
	expect(ports).toMatchObject({ deadlineMs: 7_200_000, resendAfterMs: 600_000 })
	expect(wire('on-queue-message').ports.arrival).toMatchObject({ deadlineMs: 7_200_000 })
	const keys = await createObjectStorage(
		{ objectStorageUrl: 'https://a.example', objectStorageRegion: 'r' },
		fixedCredentials({ accessKey: 'AK', secretKey: 'SK' }),
	).config.credentials()
	expect(keys).toMatchObject({ accessKeyId: 'AK', secretAccessKey: 'SK', expiration: expect.any(Date) })
})
