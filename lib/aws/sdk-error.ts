import { AwsError, type AwsFailure } from '../aws-error.ts'
import { cut } from '../errors.ts'
import { toLoggable } from './call-aws.ts'

/** What the SDK's errors say beside name and message. */
interface SdkError extends Error {
	code?: unknown
	$metadata?: { httpStatusCode?: number; requestId?: string }
}

/** An error of the SDK, or a time-out, as a failed call of AWS. */
export function fromSdkError(
	error: unknown,
	call: Pick<AwsFailure, 'service' | 'action' | 'resource'>,
): AwsError {
	if (!(error instanceof Error)) return new AwsError(cut(String(error)), call)
	const { name, message, code, $metadata: { httpStatusCode, requestId } = {} }: SdkError = error
	// Without a status AWS did not answer, so the message may quote anything.
	if (httpStatusCode === undefined)
		return new AwsError(typeof code === 'string' ? code : name, { ...call, cause: error })
	return new AwsError(name, {
		...call,
		message: toLoggable(message),
		httpStatus: httpStatusCode,
		requestId: requestId ?? null,
		cause: error,
	})
}
