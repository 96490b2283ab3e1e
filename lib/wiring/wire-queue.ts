import { SQSClient } from '@aws-sdk/client-sqs'
import { createRequestQueue } from '../aws/sqs.ts'
import type { Deadline } from '../deadline.ts'
import type { RequestQueue } from '../ports.ts'
import { toQueueEndpoint } from './aws-config.ts'
import type { Config } from './config.ts'

/** The request queue, for one invocation at a time. In a file of its own, so that `wire` can load the SDK on first use. */
export function wireQueue({ aws, ...config }: Config): (deadline: Deadline) => RequestQueue {
	const client = new SQSClient({
		region: aws.region,
		credentials: aws.credentials,
		endpoint: toQueueEndpoint(aws, config.requestQueueUrl ?? ''),
		// With it, the SDK prefers the host of each queue's URL, and prints a warning when the two differ.
		useQueueUrlAsEndpoint: false,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	})
	const urls = {
		requestQueueUrl: config.requestQueueUrl ?? '',
		deadLetterQueueUrl: config.deadLetterQueueUrl ?? '',
	}
	return (deadline) => createRequestQueue(client, urls, deadline)
}
