import { SecretUnreadable } from '../../lib/aws/secrets.ts'
import { AwsError } from '../../lib/aws-error.ts'
import { ExportError } from '../../lib/errors.ts'

/** An error for the operator: what failed and what to do about it. Printed without a stack trace. */
export class OpsError extends Error {}

const EXPIRED = 'rejected the AWS credentials: they have expired; log in again'
const UNKNOWN_KEY = 'rejected the AWS credentials: AWS does not know them'
const WRONG_KEY = 'rejected the AWS credentials: the secret access key is wrong'
const UNREACHABLE = 'cannot be reached: the network is down or the way to it is blocked; check the network'
const DENIED = 'denied access: the AWS credentials lack a permission; see docs/permissions.md'
const GONE = 'does not exist: check stage and region, or deploy the stack again'

/** Failures that have nothing to do with the resource: every other call has them too. */
const GENERAL: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'refused the connection; the local cloud is started with "npm start"',
	ENOTFOUND: 'cannot be reached: its host name is unknown; check the region and the network',
	EAI_AGAIN: UNREACHABLE,
	ENETUNREACH: UNREACHABLE,
	EHOSTUNREACH: UNREACHABLE,
	TimeoutError: 'did not answer in time; check the network',
	CredentialsProviderError: 'was not called: no AWS credentials were found; set AWS_PROFILE or log in',
	ExpiredToken: EXPIRED,
	ExpiredTokenException: EXPIRED,
	InvalidClientTokenId: UNKNOWN_KEY,
	UnrecognizedClientException: UNKNOWN_KEY,
	SignatureDoesNotMatch: WRONG_KEY,
	InvalidSignatureException: WRONG_KEY,
}

/** What happened to the service or resource that was called, by the error code of the AWS SDK or of Node.js. */
const PREDICATES: Readonly<Record<string, string>> = {
	...GENERAL,
	AccessDenied: DENIED,
	AccessDeniedException: DENIED,
	AuthorizationError: DENIED, // SNS
	ResourceNotFoundException: GONE,
	NotFoundException: GONE,
	QueueDoesNotExist: GONE,
	'AWS.SimpleQueueService.NonExistentQueue': GONE,
}

/** A failed call to AWS, with its subject in the message. `name` is the error code of the SDK or of Node.js. */
export class CallFailed extends OpsError {
	constructor(subject: string, cause: unknown) {
		super(describeFailure(subject, cause), { cause })
		this.name = codeOf(cause)
	}
}

/** "the table exports does not exist". An error without a known code is quoted. */
export function describeFailure(subject: string, error: unknown): string {
	const predicate = PREDICATES[codeOf(error)]
	return predicate === undefined ? `${subject} failed: ${toMessage(error)}` : `${subject} ${predicate}`
}

/** What all calls have in common that failed like this one: credentials, network. Null for a failure of its own. */
export function generalCauseOf(error: unknown): string | null {
	if (error instanceof CallFailed) return GENERAL[error.name] ?? null
	return error instanceof Error ? generalCauseOf(error.cause) : null
}

function codeOf(error: unknown): string {
	const { code, name } = error as { code?: unknown; name?: unknown }
	return String(code ?? name)
}

/** One line for the operator. Our own errors are quoted as they are; for an error of lib, its cause says more. */
export function toMessage(error: unknown): string {
	if (!(error instanceof Error)) return 'unknown error'
	if (error instanceof OpsError || error instanceof SecretUnreadable) return error.message
	// The first error matters more than the failed clean-up.
	if (error instanceof SuppressedError)
		return `${toMessage(error.suppressed)} (the clean-up failed too: ${toMessage(error.error)})`
	const isWrapper = error instanceof ExportError || error instanceof AwsError
	if (isWrapper && error.cause !== undefined) return toMessage(error.cause)
	const { name, message } = error
	return name === message ? name : `${name}: ${message}`
}
