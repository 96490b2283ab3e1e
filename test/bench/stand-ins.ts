import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ENVIRONMENT } from '../environment.ts'

export interface Urls {
	ncp: string
	sns: string
	dynamodb: string
	sqs: string
	secrets: string
	/** Object Storage. */
	storage: string
}

/** The same servers twice. */
export interface Started {
	plain: Urls
	tls: Urls
	/** Path of the root certificate of the second ones. */
	rootPath: string
}

export type Protocol = 'plain' | 'tls'

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
	/** Lists of backups. */
	lists: number
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
	env: Readonly<Record<Protocol, Readonly<Record<string, string>>>>
	/** Returns what has arrived, resets the counts, and from then on delays the answers as given. */
	ask: (question: Question) => Promise<Counts>
	stop: () => Promise<void>
}

/** Starts the stand-ins for NCP, SNS and DynamoDB in their own process, so that their work is not measured. */
export async function startStandIns(): Promise<StandIns> {
	const child = fork(new URL('servers.ts', import.meta.url), { execArgv: [] })
	const [{ plain, tls, rootPath }] = (await once(child, 'message')) as [Started]
	return {
		env: { plain: toEnvironment(plain), tls: { ...toEnvironment(tls), NODE_EXTRA_CA_CERTS: rootPath } },
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

function toEnvironment(urls: Urls): Readonly<Record<string, string>> {
	return {
		...ENVIRONMENT,
		AWS_SESSION_TOKEN: 'c',
		AWS_LAMBDA_FUNCTION_NAME: 'bench',
		AWS_ENDPOINT_URL_SNS: urls.sns,
		AWS_ENDPOINT_URL_DYNAMODB: urls.dynamodb,
		AWS_ENDPOINT_URL_SQS: urls.sqs,
		AWS_ENDPOINT_URL_SECRETS_MANAGER: urls.secrets,
		ARRIVAL_QUEUE_URL: `${urls.sqs}/arrivals`,
		COVERAGE_QUEUE_URL: `${urls.sqs}/coverage`,
		NCP_API_URL: urls.ncp,
		NCP_REGION_CODE: 'KR',
		// Arrival checks are on only for a variant that sets OBJECT_STORAGE_URL.
		BENCH_STORAGE_URL: urls.storage,
		// The developer's own ~/.aws must not be used.
		HOME: '/nonexistent',
	}
}
