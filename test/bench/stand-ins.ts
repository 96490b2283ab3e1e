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

/** What has truly arrived since the last question. */
export interface Counts {
	/** Signed calls of NCP. */
	calls: number
	published: number
	/** Of the table. */
	writes: number
	/** Arrival checks that were asked for, and reads of the secret. */
	checks: number
	secretReads: number
	/** How long the topic truly took, each time: a timer of 10 ms fires when the machine lets it. */
	publishMs: number[]
	/** What nobody understood. */
	problems: string[]
}

export interface Question {
	delays?: Delays
}

export interface StandIns {
	/** A function's environment, as Lambda would set it. */
	env: Readonly<Record<string, string>>
	/** Says what has arrived, begins to count anew and, from then on, delays the answers as told. */
	ask: (question: Question) => Promise<Counts>
	stop: () => Promise<void>
}

/** Starts what stands in for NCP, SNS and DynamoDB, in a process of its own: its work is in no figure. */
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
			// Somebody's own ~/.aws is not the function's.
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
