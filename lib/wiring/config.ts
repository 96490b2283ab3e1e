import type { AwsCredentials } from '../aws/sign-request.ts'
import { ExportError } from '../errors.ts'
import type { KeyPair } from '../ncp/key-pair.ts'
import { isSoundSecret } from '../webhook/signature.ts'

export type FunctionName = 'on-queue-message' | 'on-http-request' | 'on-pipeline-event' | 'on-arrival-check'

export type WebhookAuth = 'signature' | 'iam' | 'none'

export interface Config {
	/** Base of the API without a trailing slash. */
	apiUrl: string
	/** Null when the pair is in Secrets Manager. */
	ncpKeys: KeyPair | null
	credentialsSecretId: string | undefined
	regionCode: string | undefined
	/** One call to NCP, from connect to last byte. */
	ncpTimeoutMs: number
	resultTopicArn: string
	requestQueueUrl: string
	deadLetterQueueUrl: string
	/** The queue's redrive setting: the receive with this number is the last. */
	maxReceiveCount: number
	exportsTableName: string
	/** How long one export stays one export. */
	deduplicationMs: number
	/** Null when arrival checks are off. */
	arrival: ArrivalConfig | null
	webhookAuth: WebhookAuth
	webhookSecrets: readonly string[]
	/** In each log line, and the dimension of the metrics: one a stage. */
	serviceName: string
	aws: AwsConfig
}

export interface ArrivalConfig {
	objectStorageUrl: string
	objectStorageRegion: string
	queueUrl: string
	deadlineMs: number
	/** How long an unknown export may be on its way before it is sent once more. */
	resendAfterMs: number
	/** Where to look first; may hold `{fileName}` and `{cloudPostgresqlInstanceNo}`. */
	keyPrefix: string
}

export interface AwsConfig {
	region: string
	credentials: AwsCredentials
	endpoints: Readonly<Record<'dynamodb' | 'secretsmanager' | 'sns' | 'sqs', string>>
}

const WEBHOOK_AUTHS: readonly string[] = ['signature', 'iam', 'none'] satisfies WebhookAuth[]

/**
 * Reads the environment once, for one function. An empty value counts as unset.
 * Throws `CONFIG_INVALID` with every problem in one message, each naming its variable, never a value.
 */
export function readConfig(env: NodeJS.ProcessEnv, functionName: FunctionName): Config {
	const problems: string[] = []
	const optional = (name: string): string | undefined => env[name]?.trim() || undefined
	const required = (name: string): string => {
		const value = optional(name)
		if (value === undefined) problems.push(`${name} is not set`)
		return value ?? ''
	}
	const integer = (name: string, fallback: number, min: number, max: number): number => {
		const text = optional(name)
		if (text === undefined) return fallback
		const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
		if (Number.isInteger(value) && value >= min && value <= max) return value
		problems.push(`${name} must be a whole number from ${min} to ${max}`)
		return fallback
	}

	const minutes = (name: string, fallback: number): number => {
		const value = Number(optional(name) ?? fallback)
		if (value > 0 && value <= 10_080) return value * 60_000
		problems.push(`${name} must be a number of minutes, up to 10080`)
		return fallback * 60_000
	}

	const apiUrl = readBaseUrl(optional('NCP_API_URL') ?? 'https://ncloud.apigw.ntruss.com', problems)
	const regionCode = optional('NCP_REGION_CODE')
	if (regionCode !== undefined && !/^[A-Z]{2,8}$/.test(regionCode)) {
		problems.push('NCP_REGION_CODE must be 2 to 8 capital letters, such as KR')
	}
	const webhookAuth = optional('WEBHOOK_AUTH') ?? 'signature'
	if (!WEBHOOK_AUTHS.includes(webhookAuth)) problems.push('WEBHOOK_AUTH must be signature, iam or none')
	const webhookSecrets = optional('WEBHOOK_SECRETS')?.split(/\s+/) ?? []
	const areSecretsInEnvironment = optional('CREDENTIALS_SECRET_ID') === undefined || webhookSecrets.length > 0
	if (functionName === 'on-http-request' && webhookAuth === 'signature' && areSecretsInEnvironment) {
		problems.push(...webhookSecretProblems(webhookSecrets))
	}

	const credentialsSecretId = optional('CREDENTIALS_SECRET_ID')
	const ncpKeys =
		credentialsSecretId === undefined
			? { accessKey: required('NCP_ACCESS_KEY'), secretKey: required('NCP_SECRET_KEY') }
			: null
	// It travels in a header, where other characters cannot.
	if (!/^[!-~]*$/.test(ncpKeys?.accessKey ?? '')) problems.push('NCP_ACCESS_KEY must be printable ASCII')

	const arrival = readArrival({ required, optional, minutes, problems }, functionName)
	const deduplicationMs = integer('DEDUPLICATION_HOURS', 24, 1, 8_760) * 60 * 60 * 1000
	// An unknown export waits for a deadline, is sent once more, and waits for another.
	if (arrival !== null && deduplicationMs < 2 * arrival.deadlineMs + arrival.resendAfterMs) {
		problems.push('DEDUPLICATION_HOURS must cover ARRIVAL_DEADLINE_MINUTES twice and UNKNOWN_RESEND_MINUTES')
	}

	const config: Config = {
		apiUrl,
		ncpKeys,
		credentialsSecretId,
		regionCode,
		ncpTimeoutMs: integer('NCP_TIMEOUT_MS', 10_000, 100, 60_000),
		resultTopicArn: required('RESULT_TOPIC_ARN'),
		requestQueueUrl: /queue|http/.test(functionName) ? required('REQUEST_QUEUE_URL') : '',
		deadLetterQueueUrl: functionName === 'on-queue-message' ? required('DEAD_LETTER_QUEUE_URL') : '',
		maxReceiveCount: integer('MAX_RECEIVE_COUNT', 6, 1, 1_000),
		exportsTableName: required('EXPORTS_TABLE_NAME'),
		deduplicationMs,
		arrival,
		webhookAuth: webhookAuth as WebhookAuth,
		webhookSecrets,
		serviceName: optional('POWERTOOLS_SERVICE_NAME') ?? 'ncp-backup-exporter',
		aws: readAws({ required, optional, problems }),
	}
	if (problems.length > 0) throw new ExportError('CONFIG_INVALID', problems.join('; '))
	return config
}

/** The base of an API without a trailing slash; what is wrong with it goes into `problems`, under the variable's name. */
export function readBaseUrl(text: string, problems: string[], name = 'NCP_API_URL'): string {
	const url = URL.parse(text)
	if (url === null || !/^https?:$/.test(url.protocol)) {
		problems.push(`${name} must be an http(s) URL`)
		return ''
	}
	if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
		problems.push(`${name} must be https, unless the host is loopback`)
	}
	if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
		problems.push(`${name} must hold nothing but scheme, host, port and path`)
	}
	return url.origin + url.pathname.replace(/\/+$/, '')
}

/** True for the names and addresses that never leave the machine. */
export function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

function webhookSecretProblems(secrets: readonly string[]): string[] {
	if (secrets.length === 0) return ['WEBHOOK_SECRETS is not set (or set WEBHOOK_AUTH to iam)']
	return secrets.every(isSoundSecret) ? [] : ['WEBHOOK_SECRETS must hold secrets of 24 to 64 bytes in base64']
}

interface Reader {
	required: (name: string) => string
	optional: (name: string) => string | undefined
	minutes: (name: string, fallback: number) => number
	problems: string[]
}

function readArrival(
	{ required, optional, minutes, problems }: Reader,
	functionName: FunctionName,
): ArrivalConfig | null {
	if (optional('OBJECT_STORAGE_URL') === undefined && functionName !== 'on-arrival-check') return null
	const url = required('OBJECT_STORAGE_URL')
	return {
		objectStorageUrl: url === '' ? '' : readBaseUrl(url, problems, 'OBJECT_STORAGE_URL'),
		objectStorageRegion: required('OBJECT_STORAGE_REGION'),
		queueUrl: required('ARRIVAL_QUEUE_URL'),
		deadlineMs: minutes('ARRIVAL_DEADLINE_MINUTES', 120),
		resendAfterMs: minutes('UNKNOWN_RESEND_MINUTES', 10),
		keyPrefix: optional('ARRIVAL_KEY_PREFIX') ?? '{fileName}',
	}
}

const AWS_SERVICES = {
	dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
	secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
	sns: 'AWS_ENDPOINT_URL_SNS',
	sqs: 'AWS_ENDPOINT_URL_SQS',
} as const

/** Lambda sets these itself; reading them here keeps the SDK from walking its provider chain at start-up. */
function readAws({ required, optional, problems }: Omit<Reader, 'minutes'>): AwsConfig {
	const sessionToken = optional('AWS_SESSION_TOKEN')
	const region = required('AWS_REGION')
	const isFips = optional('AWS_USE_FIPS_ENDPOINT') === 'true'
	const endpoints = Object.entries(AWS_SERVICES).map(([service, name]) => {
		const given = optional(name) ?? optional('AWS_ENDPOINT_URL')
		if (given === undefined) return [service, toEndpoint(service, region, isFips)]
		const endpoint = readBaseUrl(given, problems, optional(name) === undefined ? 'AWS_ENDPOINT_URL' : name)
		if (endpoint !== '' && new URL(endpoint).pathname !== '/') problems.push(`${name} must have no path`)
		return [service, endpoint]
	})
	return {
		region,
		endpoints: Object.fromEntries(endpoints),
		credentials: {
			accessKeyId: required('AWS_ACCESS_KEY_ID'),
			secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
			...(sessionToken === undefined ? {} : { sessionToken }),
		},
	}
}

/** Of the partitions aws, aws-us-gov and aws-cn; others want `AWS_ENDPOINT_URL`. https://docs.aws.amazon.com/general/latest/gr/rande.html */
export function toEndpoint(service: string, region: string, isFips = false): string {
	const host = `${service}${isFips ? '-fips' : ''}.${region}.amazonaws.com`
	return `https://${host}${region.startsWith('cn-') ? '.cn' : ''}`
}
