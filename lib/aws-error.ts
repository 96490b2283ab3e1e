/** What is known of a failed call of AWS. All of it may be logged. */
export interface AwsFailure {
	/** AWS's own code, or that of the connection's failure. */
	code: string
	/** Such as `dynamodb`. */
	service: string
	/** Such as `PutItem`. */
	action: string
	/** The name of the table, topic, queue or secret. */
	resource: string
	/** AWS's own words. */
	message: string
	/** Null when no answer came. */
	httpStatus: number | null
	requestId: string | null
}

const UNKNOWN: Omit<AwsFailure, 'code'> = {
	service: '',
	action: '',
	resource: '',
	message: '',
	httpStatus: null,
	requestId: null,
}

/** A failed call of AWS. Its name is the code, and its message says what failed and where. */
export class AwsError extends Error {
	readonly failure: AwsFailure

	constructor(code: string, { cause, ...known }: Partial<AwsFailure> & ErrorOptions = {}) {
		const failure = { ...UNKNOWN, ...known, code }
		super(describe(failure), cause === undefined ? undefined : { cause })
		this.failure = failure
		Object.defineProperty(this, 'name', { value: code, configurable: true })
	}
}

/** The failed call of AWS that an error comes from; null when there is none. */
export function findAwsFailure(error: unknown): AwsFailure | null {
	for (let each = error; each instanceof Error; each = each.cause)
		if (each instanceof AwsError) return each.failure
	return null
}

/** Transient error codes, of a request or of one entry of a batch. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html, https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html */
export const TRANSIENT_ERROR_CODES: ReadonlySet<string> = new Set([
	'InternalError',
	'InternalErrorException',
	'InternalFailure',
	'KMSThrottling',
	'KMSThrottlingException',
	'LimitExceededException',
	'ProvisionedThroughputExceededException',
	'RequestLimitExceeded',
	'RequestThrottled',
	'RequestThrottledException',
	'RequestTimeout',
	'ServiceUnavailable',
	'SlowDown',
	'Throttled',
	'ThrottledException',
	'Throttling',
	'ThrottlingException',
	'TooManyRequestsException',
	'TransactionInProgressException',
])

/** Transient whatever the error's code. */
export const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429])

/** Lambda gives a function new credentials before the old ones expire: the next call has them. */
const RENEWED: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'])

/** Whether AWS refuses the call itself, such as for a missing permission or table: waiting does not help. */
export function isAwsRefusal({ code, httpStatus }: AwsFailure): boolean {
	const isClientError = httpStatus !== null && httpStatus >= 400 && httpStatus < 500
	return (
		isClientError &&
		!TRANSIENT_STATUSES.has(httpStatus) &&
		!TRANSIENT_ERROR_CODES.has(code) &&
		!RENEWED.has(code)
	)
}

function describe({ code, service, action, resource, message, httpStatus }: AwsFailure): string {
	if (service === '') return code
	const call = `${service} ${action} on ${resource}`
	if (httpStatus === null) return `no answer to ${call} (${code})`
	return `${call} was refused with ${code}${message === '' ? '' : `: ${message}`}`
}
