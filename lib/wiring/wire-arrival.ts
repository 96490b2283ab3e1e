import { S3Client } from '@aws-sdk/client-s3'
import type { ArrivalPorts } from '../arrival/arrival-ports.ts'
import { type Completions, createCompletions } from '../aws/completions.ts'
import type { Credentials } from '../ncp/key-pair.ts'
import { createFindObject } from '../object-storage/find-object.ts'
import { createCheckObserver } from '../observe/observe.ts'
import type { ArrivalConfig } from './config.ts'
import { type Invocation, type Wired, wire } from './wire.ts'

const REREAD_KEYS_MS = 5 * 60 * 1000

export interface WiredArrival extends Pick<Wired, 'metrics' | 'logger'> {
	/** What one invocation works with; the context is Lambda's. */
	begin: (context: Parameters<Wired['begin']>[0]) => ArrivalInvocation
}

export interface ArrivalInvocation extends Pick<Invocation, 'remainingMs'> {
	ports: ArrivalPorts
	completions: Completions
}

/** What an arrival check needs; apart from `wire`, so that the other functions do not carry the S3 client. */
export function wireArrival(): WiredArrival {
	const { config, credentials, metrics, logger, begin } = wire('on-arrival-check')
	const { arrival, deduplicationMs } = config
	if (arrival === null) throw new Error('readConfig demands arrival checks of this function')
	const fixed = {
		findObject: createFindObject(createObjectStorage(arrival, credentials), arrival.keyPrefix),
		deadlineMs: arrival.deadlineMs,
		resendAfterMs: arrival.resendAfterMs,
		deduplicationMs,
		observe: createCheckObserver(logger, metrics),
	}
	return {
		metrics,
		logger,
		begin: (context) => {
			const { ports, dynamodb, remainingMs } = begin(context)
			const { ledger, publish, callNcp, now, sleep } = ports
			if (ports.arrival === null) throw new Error('readConfig demands arrival checks of this function')
			const completions = createCompletions(dynamodb, config.exportsTableName)
			const { schedule } = ports.arrival
			const { record: recordCompletion } = completions
			return {
				remainingMs,
				completions,
				ports: { ...fixed, ledger, publish, callNcp, recordCompletion, now, sleep, schedule },
			}
		},
	}
}

/** Object Storage speaks S3 of 2006: path style, and no checksums that it does not know. */
export function createObjectStorage(
	{ objectStorageUrl, objectStorageRegion }: Pick<ArrivalConfig, 'objectStorageUrl' | 'objectStorageRegion'>,
	credentials: Credentials,
): S3Client {
	return new S3Client({
		endpoint: objectStorageUrl,
		region: objectStorageRegion,
		forcePathStyle: true,
		requestChecksumCalculation: 'WHEN_REQUIRED',
		responseChecksumValidation: 'WHEN_REQUIRED',
		maxAttempts: 2,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
		credentials: async () => {
			const { accessKey, secretKey } = await credentials.get()
			// With an expiry the SDK asks again, so that rotated keys are noticed.
			return {
				accessKeyId: accessKey,
				secretAccessKey: secretKey,
				expiration: new Date(Date.now() + REREAD_KEYS_MS),
			}
		},
	})
}
