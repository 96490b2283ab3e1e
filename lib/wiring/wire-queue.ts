import { SQSClient } from '@aws-sdk/client-sqs'
import { createRequestQueue } from '../aws/sqs.ts'
import type { Deadline } from '../deadline.ts'
import type { RequestQueue } from '../ports.ts'
import type { Config } from './config.ts'

/** The request queue, for one invocation at a time. In a file of its own, so that `wire` can load the SDK on first use. */
export function wireQueue(config: Config): (deadline: Deadline) => RequestQueue {
	const client = new SQSClient({
		region: config.aws.region,
		credentials: config.aws.credentials,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	})
	const urls = {
		requestQueueUrl: config.requestQueueUrl ?? '',
		deadLetterQueueUrl: config.deadLetterQueueUrl ?? '',
	}
	return (deadline) => createRequestQueue(client, urls, deadline)
}
