import { readFile } from 'node:fs/promises'
import type { KeyPair } from '../../lib/ports.ts'

/** Addresses and names of the resources: the outputs of a deployed stack, or the connection file of `npm start`. */
export interface Connection {
	requestQueueUrl: string
	deadLetterQueueUrl: string
	arrivalQueueUrl: string
	arrivalDeadLetterQueueUrl: string
	coverageQueueUrl: string
	coverageDeadLetterQueueUrl: string
	pipelineDeadLetterQueueUrl: string
	resultTopicArn: string
	/** Receives the alarms. Empty for the local cloud, which has none. */
	operationsTopicArn: string
	exportsTableName: string
	ncpApiUrl: string
	ncpRegionCode: string
	/** `refuse` or `allow`, as SHARED_DESTINATIONS. */
	sharedDestinations: string
	objectStorageUrl: string
	objectStorageRegion: string
	/** Name of the secret with the key pair for NCP. Empty for the local cloud. */
	credentialsSecretId: string
}

/** The connection file of the local cloud. It exists while `npm start` runs; `tools/local/claim-file.ts` makes it. */
export interface LocalConnection extends Connection {
	pid: number
	/** The webhook takes only calls that are signed with the secret that `npm start` printed. */
	isWebhookSigned: boolean
	region: string
	/** Endpoint of SQS, SNS and S3. */
	endpoint: string
	tableEndpoint: string
	/** Null when a real API is called: real keys are not written to a file. */
	ncpKeys: KeyPair | null
}

export const LOCAL_CLOUD_FILE =
	process.env.LOCAL_CLOUD_FILE || new URL('../../.local-cloud.json', import.meta.url).pathname

/** Null when there is no connection file, or its cloud is still starting. */
export async function readLocalConnection(): Promise<LocalConnection | null> {
	try {
		const value = JSON.parse(await readFile(LOCAL_CLOUD_FILE, 'utf8')) as Partial<LocalConnection> | null
		return typeof value?.pid === 'number' && value.endpoint ? (value as LocalConnection) : null
	} catch {
		// The file does not exist.
		return null
	}
}

/** A local cloud that was killed leaves its connection file behind. */
export function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0)
	} catch (error) {
		// Another user's process lives, too.
		return (error as NodeJS.ErrnoException).code === 'EPERM'
	}
}
