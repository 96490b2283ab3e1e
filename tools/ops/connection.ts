import { readFile, rm, writeFile } from 'node:fs/promises'
import type { KeyPair } from '../../lib/ports.ts'

/** Where everything is: the outputs of a deployed stack, or what `npm start` writes down. */
export interface Connection {
	requestQueueUrl: string
	deadLetterQueueUrl: string
	arrivalQueueUrl: string
	arrivalDeadLetterQueueUrl: string
	pipelineDeadLetterQueueUrl: string
	resultTopicArn: string
	exportsTableName: string
	ncpApiUrl: string
	ncpRegionCode: string
	objectStorageUrl: string
	objectStorageRegion: string
	/** Deployed: the secret with NCP's key pair. */
	credentialsSecretId: string
}

/** The local cloud, as `npm start` writes it down for as long as it runs. */
export interface LocalConnection extends Connection {
	pid: number
	region: string
	/** Of SQS and SNS. */
	endpoint: string
	tableEndpoint: string
	/** Null when a real API is called: a real pair is written nowhere. */
	ncpKeys: KeyPair | null
}

const FILE = process.env.LOCAL_CLOUD_FILE || new URL('../../.local-cloud.json', import.meta.url).pathname

export async function writeLocalConnection(connection: LocalConnection): Promise<void> {
	await writeFile(FILE, JSON.stringify(connection), { mode: 0o600 })
}

/** Removes it, unless another local cloud has written its own meanwhile. */
export async function removeLocalConnection(pid: number): Promise<void> {
	if ((await readLocalConnection())?.pid === pid) await rm(FILE, { force: true })
}

/** Null when no local cloud has written one down. */
export async function readLocalConnection(): Promise<LocalConnection | null> {
	try {
		const value = JSON.parse(await readFile(FILE, 'utf8')) as Partial<LocalConnection> | null
		return typeof value?.pid === 'number' && value.endpoint ? (value as LocalConnection) : null
	} catch {
		// Not there, or half written: either way there is nothing to connect to.
		return null
	}
}
