import { readFile, rm, writeFile } from 'node:fs/promises'
import type { KeyPair } from '../../lib/ports.ts'

/** Addresses and names of the resources: the outputs of a deployed stack, or the connection file of `npm start`. */
export interface Connection {
	requestQueueUrl: string
	deadLetterQueueUrl: string
	arrivalQueueUrl: string
	arrivalDeadLetterQueueUrl: string
	pipelineDeadLetterQueueUrl: string
	resultTopicArn: string
	/** Receives the alarms. Empty for the local cloud, which has none. */
	operationsTopicArn: string
	exportsTableName: string
	ncpApiUrl: string
	ncpRegionCode: string
	objectStorageUrl: string
	objectStorageRegion: string
	/** Name of the secret with the key pair for NCP. Empty for the local cloud. */
	credentialsSecretId: string
}

/** The connection file of the local cloud. It exists while `npm start` runs. */
export interface LocalConnection extends Connection {
	pid: number
	region: string
	/** Endpoint of SQS, SNS and S3. */
	endpoint: string
	tableEndpoint: string
	/** Null when a real API is called: real keys are not written to a file. */
	ncpKeys: KeyPair | null
}

const FILE = process.env.LOCAL_CLOUD_FILE || new URL('../../.local-cloud.json', import.meta.url).pathname

export async function writeLocalConnection(connection: LocalConnection): Promise<void> {
	await writeFile(FILE, JSON.stringify(connection), { mode: 0o600 })
}

/** Deletes the file, unless another local cloud has overwritten it since. */
export async function removeLocalConnection(pid: number): Promise<void> {
	if ((await readLocalConnection())?.pid === pid) await rm(FILE, { force: true })
}

/** Null when there is no connection file. */
export async function readLocalConnection(): Promise<LocalConnection | null> {
	try {
		const value = JSON.parse(await readFile(FILE, 'utf8')) as Partial<LocalConnection> | null
		return typeof value?.pid === 'number' && value.endpoint ? (value as LocalConnection) : null
	} catch {
		// The file does not exist, or is being written.
		return null
	}
}
