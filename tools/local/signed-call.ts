import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

const PAGE = new URL('../../docs/webhook.md', import.meta.url)

/** A new Standard Webhooks secret. */
export function createWebhookSecret(): string {
	return `whsec_${randomBytes(24).toString('base64')}`
}

/**
 * Shell lines that sign a call and send it: the example of docs/webhook.md, for this webhook. They sign when they run, so they
 * work whenever they are pasted.
 */
export function toSignedCall(webhookUrl: string, secret: string): string {
	const example = readFileSync(PAGE, 'utf8').split('```sh\n')[1]?.split('```')[0]
	if (example === undefined) throw new Error('docs/webhook.md has no example in sh')
	return `WEBHOOK_URL='${webhookUrl}' WEBHOOK_SECRET='${secret}'\n${example.trimEnd()}`
}
