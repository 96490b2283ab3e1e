import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { createExportsTable } from '../../../lib/aws/exports-table.ts'
import type { Entry } from '../../../lib/ledger/ledger.ts'
import type { Cloud } from '../cloud.ts'
import type { Queue } from '../embedded-aws.ts'
import type { Totals } from './journal.ts'

/** Messages that can be received, that a function has, and that wait for their time. */
export interface QueueCounts {
	ready: number
	taken: number
	delayed: number
}

/** The numbers in the boxes of the flow. */
export interface Flow {
	requests: QueueCounts
	arrivals: QueueCounts
	/** In all dead-letter queues. */
	dead: number
	totals: Totals
	/** What the simulator says. Null when a real API is called. */
	ncp: { calls: number; performed: number } | null
	/** Copies that arrived in the bucket. */
	copies: number
}

/** The flow as it is now. Asks the queues, as anybody could. */
export async function readFlow(cloud: Cloud, totals: Totals, copies: number): Promise<Flow> {
	const count = (queue: Queue): Promise<QueueCounts> => countMessages(cloud, queue)
	const [requests, arrivals, ...dead] = await Promise.all([
		count(cloud.requestQueue),
		count(cloud.arrivalQueue),
		count(cloud.deadLetterQueue),
		count(cloud.arrivalDeadLetterQueue),
		count(cloud.coverageDeadLetterQueue),
		count(cloud.pipelineDeadLetterQueue),
	])
	const { ncp } = cloud
	return {
		requests,
		arrivals,
		dead: dead.reduce((sum, { ready, taken, delayed }) => sum + ready + taken + delayed, 0),
		totals,
		ncp: ncp === null ? null : { calls: ncp.calls(), performed: ncp.performed.length },
		copies,
	}
}

async function countMessages({ aws }: Cloud, { url }: Queue): Promise<QueueCounts> {
	const { Attributes = {} } = await aws.sqs.send(
		new GetQueueAttributesCommand({
			QueueUrl: url,
			AttributeNames: [
				'ApproximateNumberOfMessages',
				'ApproximateNumberOfMessagesNotVisible',
				'ApproximateNumberOfMessagesDelayed',
			],
		}),
	)
	return {
		ready: Number(Attributes.ApproximateNumberOfMessages ?? 0),
		taken: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
		delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
	}
}

/** The ledger's entry, or why there is none to show. */
export type ReadEntry = { entry: Entry; problem: null } | { entry: null; problem: string }

export async function readEntry({ table }: Cloud, exportKey: string | null): Promise<ReadEntry> {
	const none = (problem: string): ReadEntry => ({ entry: null, problem })
	if (exportKey === null) return none('A rejected request has no export, and NCP was not called.')
	try {
		const entry = await createExportsTable(table.items, table.tableName).read(exportKey)
		return entry === null ? none('The ledger has no entry any more.') : { entry, problem: null }
	} catch (error) {
		return none(`The ledger cannot be read: ${(error as Error).message}`)
	}
}
