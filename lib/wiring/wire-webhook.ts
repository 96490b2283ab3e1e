import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import { type SecretReader, SecretUnreadable } from '../aws/secrets.ts'
import { type Deadline, inTime } from '../deadline.ts'
import { ExportError, toReason } from '../errors.ts'
import { countFailure } from '../observe/observe.ts'
import type { Config } from './config.ts'

/**
 * The webhook's secrets, from the environment or from Secrets Manager. Throws `SECRET_UNREADABLE`, after a log line and a
 * count: no use case would tell the operator.
 */
export async function readWebhookSecrets(
	{ webhookSecrets }: Config,
	secret: SecretReader | null,
	deadline: Deadline,
	{ logger, metrics }: { logger: Logger; metrics: Metrics },
): Promise<readonly string[]> {
	if (webhookSecrets.length > 0 || secret === null) return webhookSecrets
	try {
		const { webhookSecrets: stored } = await inTime(deadline.leftMs(), secret.read)
		if (stored.length === 0) throw new SecretUnreadable('the secret has no webhookSecrets')
		return stored
	} catch (thrown) {
		// Also a time-out.
		const error =
			thrown instanceof ExportError
				? thrown
				: new SecretUnreadable(`the secret cannot be read: ${toReason(thrown)}`)
		const { message: reason, aws } = error
		const runbook = 'docs/runbook.md#secret'
		logger.error('the webhook secrets cannot be read', { reason, runbook, ...(aws === null ? {} : { aws }) })
		countFailure(error, metrics)
		throw error
	}
}
