import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'

export interface AwsCredentials {
	accessKeyId: string
	secretAccessKey: string
	sessionToken?: string
}

export interface RequestToSign {
	/** Names in lower case; all of them are signed, `host` must be among them. */
	headers: Readonly<Record<string, string>>
	body: string
	nowMs: number
}

/** The headers of a POST to `/`, signed. */
export type SignRequest = (request: RequestToSign, credentials: AwsCredentials) => Record<string, string>

/**
 * AWS Signature Version 4 for one service. The signing key is kept for its day: deriving it for every request took a quarter of a warm batch's CPU.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSigner(service: string, region: string): SignRequest {
	let kept: { date: string; secretAccessKey: string; key: KeyObject } | null = null

	const keyOf = (date: string, secretAccessKey: string): KeyObject => {
		if (kept?.date === date && kept.secretAccessKey === secretAccessKey) return kept.key
		const parts = [date, region, service, 'aws4_request']
		const derived = parts.reduce<Buffer | string>(
			(secret, part) => createHmac('sha256', secret).update(part).digest(),
			`AWS4${secretAccessKey}`,
		)
		kept = { date, secretAccessKey, key: createSecretKey(Buffer.from(derived)) }
		return kept.key
	}

	return ({ headers, body, nowMs }, { accessKeyId, secretAccessKey, sessionToken }) => {
		const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
		const date = time.slice(0, 8)
		const all: Record<string, string> = {
			...headers,
			'x-amz-date': time,
			...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
		}
		const names = Object.keys(all).sort()
		const signedHeaders = names.join(';')
		const lines = names.map((name) => `${name}:${all[name]}\n`).join('')
		const canonical = `POST\n/\n\n${lines}\n${signedHeaders}\n${hash('sha256', body)}`
		const scope = `${date}/${region}/${service}/aws4_request`
		const signature = createHmac('sha256', keyOf(date, secretAccessKey))
			.update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical)}`)
			.digest('hex')
		all.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
		return all
	}
}
