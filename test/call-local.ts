import { setTimeout as sleep } from 'node:timers/promises'
import { type AwsService, type CallAws, createAwsCaller } from '../lib/aws/call-aws.ts'
import { createPool } from '../lib/http-client/pool.ts'

/** The functions' own AWS caller against an emulated service, which does not check signatures. */
export function callLocal(service: AwsService['service'], endpoint: string, region: string): CallAws {
	return createAwsCaller({
		service,
		resource: 'local',
		region,
		endpoint,
		credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
		timeoutMs: 5_000,
		createDispatcher: (origin) => createPool(origin, { connections: 10, connectMs: 5_000, idleMs: 500 }),
		now: Date.now,
		sleep,
		random: Math.random,
	})
}
