import { SQSClient } from '@aws-sdk/client-sqs'
import { createArrivalQueue, type ScheduleCheck } from './aws/arrival-queue.ts'
import { createRequestQueue, type RequestQueue } from './aws/queue.ts'
import type { Config } from './config.ts'

export interface Sqs {
	requests: RequestQueue
	schedule: ScheduleCheck
}

/** All that needs the SDK's client of SQS; apart from `wire`, which loads it when a message is put off, copied or checked later. */
export function wireSqs(config: Config): Sqs {
	const client = new SQSClient({
		region: config.aws.region,
		credentials: config.aws.credentials,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	})
	return {
		requests: createRequestQueue(client, config),
		schedule: createArrivalQueue(client, config.arrival?.queueUrl ?? ''),
	}
}
