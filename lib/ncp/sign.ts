import { createHmac } from 'node:crypto'

export interface Signable {
	method: 'GET' | 'POST'
	/** Path and query exactly as sent; one changed byte changes the signature. */
	target: string
	/** Milliseconds since the epoch: the very text of the timestamp header. */
	timestamp: string
	accessKey: string
}

/** Nothing is sorted or canonicalised; neither host nor body is signed. Source: NCP API guide, "signature v2". */
export function stringToSign({ method, target, timestamp, accessKey }: Signable): string {
	return `${method} ${target}\n${timestamp}\n${accessKey}`
}

/** Base64 of HMAC-SHA-256; keys and text are UTF-8. */
export function sign(signable: Signable, secretKey: string): string {
	return createHmac('sha256', secretKey).update(stringToSign(signable)).digest('base64')
}
