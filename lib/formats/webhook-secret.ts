/**
 * True for a Standard Webhooks secret: 24 to 64 bytes in base64, with or without `whsec_`. A shorter one could be
 * guessed, and with an empty one anybody could sign.
 */
export function isSoundSecret(secret: string): boolean {
	const bytes = Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length
	return /^(whsec_)?[A-Za-z0-9+/]+={0,2}$/.test(secret) && bytes >= 24 && bytes <= 64
}
