import { ExportError, toReason } from '../errors.ts'
import { parseRecord } from '../formats/json.ts'
import { isSoundSecret } from '../formats/webhook-secret.ts'
import type { CallAws } from './call-aws.ts'

/** What `CREDENTIALS_SECRET_ID` names: `{ "accessKey", "secretKey", "webhookSecrets": [] }`. */
export interface Secret {
	accessKey: string
	secretKey: string
	webhookSecrets: readonly string[]
}

/** Says what is wrong with a secret, and quotes nothing of it. */
export class SecretUnreadable extends ExportError {
	constructor(message: string, options: ErrorOptions = {}) {
		super('SECRET_UNREADABLE', message, options)
	}
}

export interface SecretReader {
	/** At most five minutes old. Throws `SECRET_UNREADABLE`. */
	read: () => Promise<Secret>
	/** From Secrets Manager itself, also when the cache is fresh. */
	readAgain: () => Promise<Secret>
}

const MAX_AGE_MS = 5 * 60 * 1000

/** Reads one secret, at most once in five minutes. Concurrent readers share one request. */
export function createSecretReader(call: CallAws, secretId: string, now: () => number): SecretReader {
	let cached: Promise<Secret> | null = null
	let readAtMs = 0

	const readAgain = (): Promise<Secret> => {
		const before = { cached, readAtMs }
		const reading = readSecret(call, secretId)
		cached = reading
		readAtMs = now()
		// A failed read is not kept: the secret from before stays valid for as long as it would have been.
		reading.catch(() => {
			if (cached === reading) ({ cached, readAtMs } = before)
		})
		return reading
	}
	return {
		read: () => (cached !== null && now() - readAtMs < MAX_AGE_MS ? cached : readAgain()),
		readAgain,
	}
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
const GET_SECRET_VALUE = {
	'content-type': 'application/x-amz-json-1.1',
	'x-amz-target': 'secretsmanager.GetSecretValue',
}

async function readSecret(call: CallAws, secretId: string): Promise<Secret> {
	const text = await call(GET_SECRET_VALUE, JSON.stringify({ SecretId: secretId })).catch((cause) => {
		throw new SecretUnreadable(`the secret ${secretId} cannot be read: ${toReason(cause)}`, { cause })
	})
	const answer = parseRecord(text) ?? {}
	const secret = toSecret(typeof answer.SecretString === 'string' ? answer.SecretString : '')
	if (secret === null)
		throw new SecretUnreadable(
			`the secret ${secretId} must be { "accessKey", "secretKey", "webhookSecrets": ["whsec_…"] }, with secrets of 24 to 64 bytes`,
		)
	return secret
}

/** A weak webhook secret protects nothing. */
function isSound(value: unknown): value is string {
	return typeof value === 'string' && isSoundSecret(value)
}

function toSecret(text: string): Secret | null {
	const { accessKey, secretKey, webhookSecrets = [] } = parseRecord(text) ?? {}
	if (typeof accessKey !== 'string' || !/^[!-~]+$/.test(accessKey)) return null
	if (typeof secretKey !== 'string' || secretKey === '') return null
	if (!Array.isArray(webhookSecrets) || !webhookSecrets.every(isSound)) return null
	return { accessKey, secretKey, webhookSecrets }
}
