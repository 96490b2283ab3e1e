import type { AwsCredentials } from '../aws/sign-request.ts'
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
	const endpoints = Object.entries(SERVICES).map(([service, name]) => {
		const variable = optional(name) === undefined ? 'AWS_ENDPOINT_URL' : name
		const given = optional(variable)
		if (given === undefined) return [service, toEndpoint(service, region, isFips)]
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

/** In the partitions aws, aws-us-gov and aws-cn; others need `AWS_ENDPOINT_URL`. https://docs.aws.amazon.com/general/latest/gr/rande.html */
export function toEndpoint(service: string, region: string, isFips = false): string {
	const host = `${service}${isFips ? '-fips' : ''}.${region}.amazonaws.com`
	return `https://${host}${region.startsWith('cn-') ? '.cn' : ''}`
}

/** Where a queue is: at the endpoint that somebody set, else where its URL says, behind a VPC endpoint for example. */
export function toQueueEndpoint({ endpoints, isSqsEndpointSet }: AwsConfig, queueUrl: string): string {
	return isSqsEndpointSet ? endpoints.sqs : (URL.parse(queueUrl)?.origin ?? endpoints.sqs)
}

/** The last part of a queue's URL. */
export function toQueueName(queueUrl: string): string {
	return queueUrl.slice(queueUrl.lastIndexOf('/') + 1)
}
