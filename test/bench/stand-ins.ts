import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ENVIRONMENT } from '../environment.ts'

export interface Urls {
	ncp: string
	sns: string
	dynamodb: string
	sqs: string
	secrets: string
}

export interface Delays {
	gatewayMs: number
	topicMs: number
}

/** What has arrived since the last reset. */
export interface Counts {
	/** Signed calls to NCP. */
	calls: number
	published: number
	/** Writes to the table. */
	writes: number
	/** Scheduled arrival checks, and reads of the secret. */
	checks: number
	secretReads: number
	/** How long the topic really took each time, because a timer of 10 ms may fire late. */
	publishMs: number[]
	/** Calls that no stand-in recognised. */
	problems: string[]
}

export interface Question {
	delays?: Delays
}

export interface StandIns {
	/** A function's environment, as Lambda would set it. */
	env: Readonly<Record<string, string>>
	/** Returns what has arrived, resets the counts, and from then on delays the answers as given. */
	ask: (question: Question) => Promise<Counts>
	stop: () => Promise<void>
}

/** Starts the stand-ins for NCP, SNS and DynamoDB in their own process, so that their work is not measured. */
export async function startStandIns(): Promise<StandIns> {
	const child = fork(new URL('servers.ts', import.meta.url), { execArgv: [] })
	const [urls] = (await once(child, 'message')) as [Urls]
	return {
		env: {
			...ENVIRONMENT,
			AWS_SESSION_TOKEN: 'c',
			AWS_LAMBDA_FUNCTION_NAME: 'bench',
			AWS_ENDPOINT_URL_SNS: urls.sns,
			AWS_ENDPOINT_URL_DYNAMODB: urls.dynamodb,
			AWS_ENDPOINT_URL_SQS: urls.sqs,
			AWS_ENDPOINT_URL_SECRETS_MANAGER: urls.secrets,
			ARRIVAL_QUEUE_URL: `${urls.sqs}/arrivals`,
			NCP_API_URL: urls.ncp,
			NCP_REGION_CODE: 'KR',
			// The developer's own ~/.aws must not be used.
			HOME: '/nonexistent',
		},
		ask: async (question) => {
			child.send(question)
			const [counts] = (await once(child, 'message')) as [Counts]
			return counts
		},
		stop: async () => {
			const exit = once(child, 'exit')
			child.disconnect()
			await exit
		},
	}
}
