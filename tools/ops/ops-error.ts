import { SecretUnreadable } from '../../lib/aws/secrets.ts'
import { ExportError } from '../../lib/errors.ts'

/** What went wrong, and what to do about it: told in words, without a stack. */
export class OpsError extends Error {}

/** A mistake in the command itself. */
export class OpsUsageError extends OpsError {}

/** By the names that the AWS SDK and Node.js give to what usually goes wrong. */
const WORDS: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'nothing answers there; is it running? The local cloud is started with "npm start"',
	ENOTFOUND: 'its host name is unknown; check the region and the network',
	TimeoutError: 'it did not answer in time; check the network',
	CredentialsProviderError: 'no AWS credentials were found; set AWS_PROFILE, or log in first',
	ExpiredToken: 'the AWS credentials have expired; log in again',
	ExpiredTokenException: 'the AWS credentials have expired; log in again',
	InvalidClientTokenId: 'AWS does not know these credentials',
	UnrecognizedClientException: 'AWS does not know these credentials',
	AccessDenied: 'these AWS credentials may not do that; docs/permissions.md lists what is needed',
	AccessDeniedException: 'these AWS credentials may not do that; docs/permissions.md lists what is needed',
	ResourceNotFoundException: 'it does not exist',
	NotFoundException: 'it does not exist',
	QueueDoesNotExist: 'the queue does not exist',
	'AWS.SimpleQueueService.NonExistentQueue': 'the queue does not exist',
}

/** A foreign error in words; its own text only where ours say nothing. */
export function toWords(error: unknown): string {
	if (!(error instanceof Error)) return 'unknown error'
	if (error instanceof OpsError || error instanceof SecretUnreadable) return error.message
	// The clean-up failed, too: what came first is what matters.
	if (error instanceof SuppressedError)
		return `${toWords(error.suppressed)} (and cleaning up: ${toWords(error.error)})`
	// Ours say what could not be done; why is in what they came from.
	if (error instanceof ExportError && error.cause !== undefined) return toWords(error.cause)
	const { code, name, message } = error as Error & { code?: string }
	const words = WORDS[code ?? ''] ?? WORDS[name]
	return words ?? (name === message ? name : `${name}: ${message}`)
}
