import type { Logger } from '@aws-lambda-powertools/logger'
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { AwsError } from '../aws/call-aws.ts'
import { type SecretReader, SecretUnreadable } from '../aws/secrets.ts'
import { type Deadline, inTime } from '../deadline.ts'
import { ExportError } from '../errors.ts'
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
	} catch (cause) {
		const reason = describe(cause)
		logger.error('the webhook secrets cannot be read', { reason })
		metrics.addMetric('Failed_SECRET_UNREADABLE', MetricUnit.Count, 1)
		throw new ExportError('SECRET_UNREADABLE', `the webhook secrets cannot be read (${reason})`, { cause })
	}
}

/** Only messages that cannot quote the secret. */
function describe(cause: unknown): string {
	if (cause instanceof SecretUnreadable || cause instanceof AwsError) return cause.message
	return cause instanceof DOMException ? cause.name : 'unexpected error'
}
