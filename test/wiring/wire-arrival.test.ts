import { afterEach, expect, it, vi } from 'vitest'
import { wire } from '../../lib/wiring/wire.ts'
import { wireArrivalCheck } from '../../lib/wiring/wire-arrival.ts'
import { ENVIRONMENT } from '../environment.ts'

afterEach(() => vi.unstubAllEnvs())

const PLENTY = { getRemainingTimeInMillis: () => 25_000 }

const ARRIVAL = {
	OBJECT_STORAGE_URL: 'https://kr.object.ncloudstorage.com',
	OBJECT_STORAGE_REGION: 'kr-standard',
	ARRIVAL_QUEUE_URL: 'http://arrivals',
}

it('builds what an arrival check needs', () => {
	for (const [name, value] of Object.entries({ ...ENVIRONMENT, ...ARRIVAL })) vi.stubEnv(name, value)
	const { ports } = wireArrivalCheck().begin(PLENTY)
	expect(ports).toMatchObject({ deadlineMs: 7_200_000, resendAfterMs: 600_000 })
	expect(wire('on-queue-message').begin(PLENTY).ports.arrival).toMatchObject({ deadlineMs: 7_200_000 })
})

it('refuses to make arrival checks while they are off', () => {
	for (const name of Object.keys(ARRIVAL)) vi.stubEnv(name, '')
	for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value)
	expect(() => wireArrivalCheck()).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
