import { type ErrorCode, ExportError } from './errors.ts'
import type { Reply } from './ncp/read-reply.ts'

const REPLY_ERRORS = {
	refused: ['NCP_REFUSED', 'NCP will not do it as asked'],
	unknown: ['NCP_UNKNOWN', 'it may or may not have been done'],
	later: ['NCP_LATER', 'NCP has not done it yet'],
	credentials: ['NCP_CREDENTIALS', 'NCP does not accept the key pair'],
} as const satisfies Record<string, readonly [ErrorCode, string]>

/** Null for an accepted export; the code says what it means for the request. */
export function toReplyError({
	kind,
	envelope,
	code,
	message,
	retryAfterSeconds,
}: Reply): ExportError | null {
	if (kind === 'accepted') return null
	const [errorCode, meaning] = REPLY_ERRORS[kind]
	const said = code === null ? message : `${message} (code ${code})`
	const replyCode = code === null ? null : `${envelope}/${code}`
	return new ExportError(errorCode, `${meaning}: ${said}`, { retryAfterSeconds, replyCode })
}
