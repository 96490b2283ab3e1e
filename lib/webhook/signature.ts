import { createHmac, timingSafeEqual } from 'node:crypto'

const TOLERANCE_SECONDS = 5 * 60

export interface SignedMessage {
	headers: Readonly<Record<string, string | undefined>>
	/** The raw body: one changed byte changes the signature. */
	body: Buffer
	/** Milliseconds since the epoch. */
	nowMs: number
}

/**
 * True when one of the signatures was made with one of the secrets, and the timestamp is at most five minutes off.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function isSignedWebhook(
	{ headers, body, nowMs }: SignedMessage,
	secrets: readonly string[],
): boolean {
	const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
	if (!id || !timestamp || !signatures || !/^\d{1,12}$/.test(timestamp)) return false
	if (Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false
	const expected = secrets.map((secret) =>
		createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
			.update(`${id}.${timestamp}.`)
			.update(body)
			.digest(),
	)
	const given = signatures
		.split(' ')
		.filter((entry) => entry.startsWith('v1,'))
		.map((entry) => Buffer.from(entry.slice(3), 'base64'))
	// Compares every pair, so that the time taken does not show which secret or signature fits.
	return expected.reduce(
		(found, hash) => given.filter((bytes) => isSame(bytes, hash)).length > 0 || found,
		false,
	)
}

function isSame(a: Buffer, b: Buffer): boolean {
	return a.length === b.length && timingSafeEqual(a, b)
}
