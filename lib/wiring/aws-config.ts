import type { AwsCredentials } from '../aws/sign-request.ts'
import { cut } from '../errors.ts'
import { readBaseUrl } from '../url.ts'
import type { Variables } from './variables.ts'

const SERVICES = {
	dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
	secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
	sns: 'AWS_ENDPOINT_URL_SNS',
	sqs: 'AWS_ENDPOINT_URL_SQS',
} as const

export interface AwsConfig {
	region: string
	credentials: AwsCredentials
	endpoints: Readonly<Record<keyof typeof SERVICES, string>>
	/** Somebody set the endpoint of SQS: then it wins over the host of a queue's URL. */
	isSqsEndpointSet: boolean
}

/** Lambda sets these variables itself. Reading them here keeps the SDK from walking its provider chain at start-up. */
export function readAwsConfig({ required, optional, problems }: Variables): AwsConfig {
	const sessionToken = optional('AWS_SESSION_TOKEN')
	const region = required('AWS_REGION')
	const isFips = optional('AWS_USE_FIPS_ENDPOINT') === 'true'
	const readEndpoint = (service: string, variable: string): string => {
		const endpoint = toEndpoint(service, region, isFips)
		// An unset region is reported as such.
		if (endpoint === null && region !== '')
			problems.push(`AWS_REGION ${cut(region)} is in no known partition: set ${variable}`)
		return endpoint ?? ''
	}
	const endpoints = Object.entries(SERVICES).map(([service, name]) => {
		const variable = optional(name) === undefined ? 'AWS_ENDPOINT_URL' : name
		const given = optional(variable)
		if (given === undefined) return [service, readEndpoint(service, name)]
		const endpoint = readBaseUrl(given, problems, variable)
		if (endpoint !== '' && new URL(endpoint).pathname !== '/') problems.push(`${variable} must have no path`)
		return [service, endpoint]
	})
	return {
		region,
		endpoints: Object.fromEntries(endpoints),
		isSqsEndpointSet: (optional(SERVICES.sqs) ?? optional('AWS_ENDPOINT_URL')) !== undefined,
		credentials: {
			accessKeyId: required('AWS_ACCESS_KEY_ID'),
			secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
			...(sessionToken === undefined ? {} : { sessionToken }),
		},
	}
}

/** The partitions' domains by the beginning of a region's name. https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
const DOMAINS: readonly [RegExp, string][] = [
	[/^cn-/, 'amazonaws.com.cn'],
	[/^us-iso-/, 'c2s.ic.gov'],
	[/^us-isob-/, 'sc2s.sgov.gov'],
	[/^us-isof-/, 'csp.hci.ic.gov'],
	[/^eu-isoe-/, 'cloud.adc-e.uk'],
	[/^eusc-/, 'amazonaws.eu'],
	[/^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]/, 'amazonaws.com'],
]

/** In GovCloud their only endpoint is a FIPS endpoint, without a name of its own. */
const GOV_FIPS = new Set(['dynamodb', 'sns', 'sqs'])

/** As the SDK's endpoint rules say; null for a region of an unknown partition. */
export function toEndpoint(service: string, region: string, isFips = false): string | null {
	const domain = DOMAINS.find(([regions]) => regions.test(region))?.[1]
	if (domain === undefined) return null
	const isNamed = isFips && !(region.startsWith('us-gov-') && GOV_FIPS.has(service))
	return `https://${service}${isNamed ? '-fips' : ''}.${region}.${domain}`
}

/** Where a queue is: at the endpoint that somebody set, else where its URL says, behind a VPC endpoint for example. */
export function toQueueEndpoint({ endpoints, isSqsEndpointSet }: AwsConfig, queueUrl: string): string {
	return isSqsEndpointSet ? endpoints.sqs : (URL.parse(queueUrl)?.origin ?? endpoints.sqs)
}
