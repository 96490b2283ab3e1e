import { S3Client } from '@aws-sdk/client-s3'
import type { KeyPair } from '../ports.ts'

export interface ObjectStorageOptions {
	objectStorageUrl: string
	objectStorageRegion: string
}

const REREAD_KEYS_MS = 5 * 60 * 1000

/** Object Storage speaks S3 of 2006: path style, and no checksums, which it does not know. */
export function createObjectStorage(
	{ objectStorageUrl, objectStorageRegion }: ObjectStorageOptions,
	readKeyPair: () => Promise<KeyPair>,
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
			const { accessKey, secretKey } = await readKeyPair()
			// With an expiry the SDK asks again, so that rotated keys are noticed.
			const expiration = new Date(Date.now() + REREAD_KEYS_MS)
			return { accessKeyId: accessKey, secretAccessKey: secretKey, expiration }
		},
	})
}
