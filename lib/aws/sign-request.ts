import { createHash, createHmac } from 'node:crypto'

export interface AwsCredentials {
	accessKeyId: string
	secretAccessKey: string
	sessionToken?: string
}

export interface RequestToSign {
	service: string
	region: string
	/** Names in lower case; all of them are signed, `host` must be among them. */
	headers: Readonly<Record<string, string>>
	body: string
	nowMs: number
}

/**
 * The headers of a POST to `/` with AWS Signature Version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signRequest(
	{ service, region, headers, body, nowMs }: RequestToSign,
	{ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
): Record<string, string> {
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
	const canonical = `POST\n/\n\n${lines}\n${signedHeaders}\n${sha256(body)}`
	const scope = `${date}/${region}/${service}/aws4_request`
	const key = ['aws4_request', service, region, date].reduceRight<Buffer | string>(
		(secret, part) => hmac(secret, part),
		`AWS4${secretAccessKey}`,
	)
	const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex')
	all.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
	return all
}

function hmac(key: Buffer | string, text: string): Buffer {
	return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
	return createHash('sha256').update(text).digest('hex')
}
