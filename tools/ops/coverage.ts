import { setTimeout as sleep } from 'node:timers/promises'
import { createDestinations } from '../../lib/aws/destinations.ts'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { createRequestQueue } from '../../lib/aws/sqs.ts'
import { sendRequests } from '../../lib/coverage/check-coverage.ts'
import type { Coverage } from '../../lib/coverage/coverage-event.ts'
import { inspectInstance } from '../../lib/coverage/inspect-instance.ts'
import type { Policy } from '../../lib/coverage/policy.ts'
import { selectInstances } from '../../lib/coverage/sweep-instances.ts'
import { type Deadline, timeToLook } from '../../lib/deadline.ts'
import { ExportError } from '../../lib/errors.ts'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { createLists } from '../../lib/ncp/lists.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { createListObjects } from '../../lib/object-storage/list-objects.ts'
import type { InspectPorts, ListInstances } from '../../lib/ports.ts'
import { OpsError, toMessage } from './ops-error.ts'
import type { Target } from './target.ts'

/** What a check of one instance found, or why it could not be made. */
export type Inspection = { policy: Policy; instanceNo: string } & (
	| { kind: 'inspected'; coverage: Coverage }
	| { kind: 'failed'; reason: string }
)

/** What is to be checked of a policy. */
export interface Selection {
	policy: Policy
	instanceNos: readonly string[]
	/** Instances that the policy names and that are not there. */
	missing: readonly string[]
}

export interface Inspector {
	/** Lists the instances of a policy. Throws what the list throws. */
	select: (policy: Policy) => Promise<Selection>
	/** Never rejects. An instance that is not there has no backups: select first. */
	inspect: (policy: Policy, instanceNo: string) => Promise<Inspection>
	/** Asks for what is due, as the function does. Resolves with the number of requests. Throws `QUEUE_UNAVAILABLE`. */
	send: (coverage: Coverage) => Promise<number>
	close: () => void
}

/** One call to NCP. */
const CALL_MS = 10_000

/** All that is done for one instance. The operator waits for it. */
const INSTANCE_MS = 60_000

/** What the function works with, on the target's clients. Throws `OpsError` when arrival checks are off, and what reading the keys does. */
export async function createInspector(target: Target): Promise<Inspector> {
	const { connection, items, sqs } = target
	const {
		ncpApiUrl: apiUrl,
		exportsTableName,
		sharedDestinations,
		objectStorageUrl,
		objectStorageRegion,
	} = connection
	if (objectStorageUrl === '')
		throw new OpsError(`Arrival checks are off in ${target.name}: what is in a bucket cannot be seen.`)
	const rule = sharedDestinations === 'allow' ? 'shared' : 'exclusive'
	const { accessKey, secretKey } = await target.readKeys()
	const keys = { accessKey, secretKey }
	const client = createObjectStorage({ objectStorageUrl, objectStorageRegion }, async () => keys)
	const { listInstances, listBackups } = createLists({
		apiUrl,
		credentials: fixedCredentials(keys),
		timeoutMs: CALL_MS,
		clock: createClock(Date.now),
		sleep,
		random: Math.random,
	})
	const toPorts = (): InspectPorts => ({
		deadline: startDeadline(),
		now: Date.now,
		apiUrl,
		listBackups,
		listObjects: createListObjects(client),
		ledger: createExportsTable(items, exportsTableName),
		destinations: createDestinations(items, exportsTableName, apiUrl, rule),
	})
	return {
		select: (policy) => select(policy, listInstances),
		inspect: async (policy, instanceNo) => {
			try {
				const coverage = await inspectInstance(policy, instanceNo, toPorts())
				return { kind: 'inspected', policy, instanceNo, coverage }
			} catch (error) {
				return { kind: 'failed', policy, instanceNo, reason: toReason(error) }
			}
		},
		send: (coverage) =>
			sendRequests(coverage, { requestQueue: createRequestQueue(sqs, connection, startDeadline()) }),
		close: () => client.destroy(),
	}
}

async function select(policy: Policy, listInstances: ListInstances): Promise<Selection> {
	const { product, regionCode } = policy
	const listed = await listInstances({ product, regionCode }, timeToLook(startDeadline()))
	return { policy, ...selectInstances(policy, listed) }
}

function startDeadline(): Deadline {
	const endsAtMs = performance.now() + INSTANCE_MS
	return { leftMs: () => endsAtMs - performance.now() }
}

/** In words for the operator. */
export function toReason(error: unknown): string {
	return error instanceof ExportError && error.cause === undefined ? error.message : toMessage(error)
}
