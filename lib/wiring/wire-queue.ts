import { SQSClient } from '@aws-sdk/client-sqs'
import { createRequestQueue, type RequestQueue } from '../aws/sqs.ts'
import type { Config } from './config.ts'

/** What needs the SDK's client, for one invocation; apart from `wire`, which loads it when a message is put off, copied or sent anew. */
export function wireQueue(config: Config): (leftMs: () => number) => RequestQueue {
	const client = new SQSClient({
		region: config.aws.region,
		credentials: config.aws.credentials,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	})
	return (leftMs) => createRequestQueue(client, config, leftMs)
}
