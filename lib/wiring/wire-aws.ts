import { setTimeout as sleep } from 'node:timers/promises'
import { type CallAws, createAwsCaller } from '../aws/call-aws.ts'
import { createPool } from '../http-client/pool.ts'
import type { AwsConfig } from './aws-config.ts'

/** For ten records with one or two calls each, which take a few ms. Another connection costs a cold start 1 ms of CPU. */
const MAX_CONNECTIONS = 5
const CONNECT_MS = 1_000
/** AWS keeps connections for longer. If a frozen function has lost one, the request is sent again. */
const IDLE_MS = 20_000

/** Calls one AWS service with the SDK left out. `timeoutMs` is for one try. */
export function wireAws(
	{ region, credentials, endpoints }: AwsConfig,
	service: keyof AwsConfig['endpoints'],
	resource: string,
	timeoutMs: number,
): CallAws {
	return createAwsCaller({
		service,
		resource,
		region,
		endpoint: endpoints[service],
		credentials: async () => credentials,
		timeoutMs,
		createDispatcher: (origin) =>
			createPool(origin, { connections: MAX_CONNECTIONS, connectMs: CONNECT_MS, idleMs: IDLE_MS }),
		now: Date.now,
		sleep,
		random: Math.random,
	})
}
