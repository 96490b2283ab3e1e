import { ExportError } from '../errors.ts'
import { isSoundSecret } from '../formats/webhook-secret.ts'
import type { NcpMethod } from '../ncp/call-action.ts'
import type { ObjectStorageOptions } from '../object-storage/client.ts'
import type { KeyPair } from '../ports.ts'
import type { DestinationRule } from '../request/export-identity.ts'
import type { RequestDefaults } from '../request/export-request.ts'
import { FOLDER_PATH_RULE, isFolderTemplate } from '../request/folder-path.ts'
import { readBaseUrl } from '../url.ts'
import type { WebhookAuth } from '../webhook/read-webhook.ts'
import { type AwsConfig, readAwsConfig } from './aws-config.ts'
import { readVariables, type Variables } from './variables.ts'

/** What a function needs beyond what all of them need. */
interface Needs {
	requestQueue: boolean
	deadLetterQueue: boolean
	/** It looks into buckets, so arrival checks cannot be off. */
	arrival: boolean
	/** It lets callers in. */
	webhook: boolean
	/** It checks which backups are out. */
	coverage: boolean
}

const NOTHING: Needs = {
	requestQueue: false,
	deadLetterQueue: false,
	arrival: false,
	webhook: false,
	coverage: false,
}

const NEEDS = {
	'on-queue-message': { ...NOTHING, requestQueue: true, deadLetterQueue: true },
	'on-http-request': { ...NOTHING, requestQueue: true, webhook: true },
	'on-pipeline-event': NOTHING,
	'on-arrival-check': { ...NOTHING, arrival: true },
	'on-coverage-check': { ...NOTHING, requestQueue: true, arrival: true, coverage: true },
} as const satisfies Record<string, Needs>

export type FunctionName = keyof typeof NEEDS

export const FUNCTION_NAMES = Object.keys(NEEDS) as FunctionName[]

export interface Config {
	/** Base of the API without a trailing slash. */
	apiUrl: string
	/** Null when the pair is in Secrets Manager. */
	ncpKeys: KeyPair | null
	credentialsSecretId: string | undefined
	ncpMethod: NcpMethod
	requestDefaults: RequestDefaults
	/** One call to NCP, from connect to last byte. */
	ncpTimeoutMs: number
	resultTopicArn: string
	/** Null in a function that does not use it. */
	requestQueueUrl: string | null
	/** Null in a function that does not use it. */
	deadLetterQueueUrl: string | null
	/** Null in a function that does not use it. */
	coverageQueueUrl: string | null
	/** The queue's redrive setting: the receive with this number is the last. */
	maxReceiveCount: number
	exportsTableName: string
	/** How long one export stays one export. */
	deduplicationMs: number
	/** `shared`: only a key that names the instance proves an export. */
	destinationRule: DestinationRule
	/** Null when arrival checks are off. */
	arrival: ArrivalConfig | null
	webhookAuth: WebhookAuth
	webhookSecrets: readonly string[]
	/** In each log line, and the dimension of the metrics: one for each stage. */
	serviceName: string
	aws: AwsConfig
}

export interface ArrivalConfig extends ObjectStorageOptions {
	queueUrl: string
	deadlineMs: number
	/** How long an unknown export may be on its way before it is sent once more. */
	resendAfterMs: number
	/** Where an export without a folder is expected; may hold `{fileName}` and `{instanceNo}`. */
	keyPrefix: string
}

const DESTINATION_RULES = { refuse: 'exclusive', allow: 'shared' } as const

/**
 * Reads the environment once, for one function. An empty value counts as unset.
 * Throws `CONFIG_INVALID` with every problem in one message, each naming its variable, never a value.
 */
export function readConfig(env: NodeJS.ProcessEnv, functionName: FunctionName): Config {
	const needs: Needs = NEEDS[functionName]
	const variables = readVariables(env)
	const { problems, optional, required, integer, oneOf } = variables
	const arrival = readArrival(variables, needs)
	const config: Config = {
		apiUrl: readBaseUrl(
			optional('NCP_API_URL') ?? 'https://ncloud.apigw.ntruss.com',
			problems,
			'NCP_API_URL',
		),
		ncpKeys: readKeyPair(variables),
		credentialsSecretId: optional('CREDENTIALS_SECRET_ID'),
		ncpMethod: oneOf('NCP_METHOD', ['POST', 'GET'], 'POST'),
		requestDefaults: { regionCode: readRegionCode(variables), folderPath: readFolderPath(variables) },
		ncpTimeoutMs: integer('NCP_TIMEOUT_MS', 10_000, 100, 60_000),
		resultTopicArn: required('RESULT_TOPIC_ARN'),
		requestQueueUrl: needs.requestQueue ? required('REQUEST_QUEUE_URL') : null,
		deadLetterQueueUrl: needs.deadLetterQueue ? required('DEAD_LETTER_QUEUE_URL') : null,
		coverageQueueUrl: needs.coverage ? required('COVERAGE_QUEUE_URL') : null,
		maxReceiveCount: integer('MAX_RECEIVE_COUNT', 6, 1, 1_000),
		exportsTableName: required('EXPORTS_TABLE_NAME'),
		deduplicationMs: readDeduplication(variables, arrival),
		destinationRule: DESTINATION_RULES[oneOf('SHARED_DESTINATIONS', ['refuse', 'allow'], 'refuse')],
		arrival,
		webhookAuth: oneOf('WEBHOOK_AUTH', ['signature', 'iam', 'none'], 'signature'),
		webhookSecrets: readWebhookSecrets(variables, needs),
		serviceName: optional('POWERTOOLS_SERVICE_NAME') ?? 'ncp-backup-exporter',
		aws: readAwsConfig(variables),
	}
	if (problems.length > 0) throw new ExportError('CONFIG_INVALID', problems.join('; '))
	return config
}

function readRegionCode({ optional, problems }: Variables): string | undefined {
	const regionCode = optional('NCP_REGION_CODE')
	if (regionCode !== undefined && !/^[A-Z]{2,8}$/.test(regionCode))
		problems.push('NCP_REGION_CODE must be 2 to 8 capital letters, such as KR')
	return regionCode
}

function readFolderPath({ optional, problems }: Variables): string | undefined {
	const folderPath = optional('FOLDER_PATH')
	if (folderPath !== undefined && !isFolderTemplate(folderPath))
		problems.push(`FOLDER_PATH ${FOLDER_PATH_RULE}; it may hold {instanceNo}`)
	return folderPath
}

function readKeyPair({ optional, required, problems }: Variables): KeyPair | null {
	if (optional('CREDENTIALS_SECRET_ID') !== undefined) return null
	const keys = { accessKey: required('NCP_ACCESS_KEY'), secretKey: required('NCP_SECRET_KEY') }
	// It travels in a header, where other characters cannot.
	if (!/^[!-~]*$/.test(keys.accessKey)) problems.push('NCP_ACCESS_KEY must be printable ASCII')
	return keys
}

/** An unknown export waits for a deadline, is sent once more, and waits for another. */
function readDeduplication({ integer, problems }: Variables, arrival: ArrivalConfig | null): number {
	const deduplicationMs = integer('DEDUPLICATION_HOURS', 24, 1, 8_760) * 60 * 60 * 1000
	if (arrival !== null && deduplicationMs < 2 * arrival.deadlineMs + arrival.resendAfterMs)
		problems.push('DEDUPLICATION_HOURS must cover ARRIVAL_DEADLINE_MINUTES twice and UNKNOWN_RESEND_MINUTES')
	return deduplicationMs
}

function readWebhookSecrets({ optional, problems }: Variables, { webhook }: Needs): readonly string[] {
	const secrets = optional('WEBHOOK_SECRETS')?.split(/\s+/) ?? []
	const isSigned = (optional('WEBHOOK_AUTH') ?? 'signature') === 'signature'
	const isInSecretsManager = optional('CREDENTIALS_SECRET_ID') !== undefined && secrets.length === 0
	if (!webhook || !isSigned || isInSecretsManager) return secrets
	if (secrets.length === 0) problems.push('WEBHOOK_SECRETS is not set (or set WEBHOOK_AUTH to iam)')
	if (!secrets.every(isSoundSecret))
		problems.push('WEBHOOK_SECRETS must hold secrets of 24 to 64 bytes in base64')
	return secrets
}

function readArrival(
	{ optional, required, minutes, problems }: Variables,
	{ arrival }: Needs,
): ArrivalConfig | null {
	if (optional('OBJECT_STORAGE_URL') === undefined && !arrival) return null
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
