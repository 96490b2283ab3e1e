import { toExportError } from '../errors.ts'
import { toQueueableJson } from '../formats/json.ts'
import type { CoveragePorts, CoverageSummary } from '../ports.ts'
import { toApiRequest } from '../request/export-request.ts'
import { requestsFor } from './assess-backup.ts'
import {
	type Coverage,
	type CoverageEvent,
	hoursBehind,
	toCoverageEvent,
	toCoverageMessage,
	toShown,
} from './coverage-event.ts'
import { inspectInstance } from './inspect-instance.ts'
import type { Policy } from './policy.ts'

/** The check of one instance. `sweptAt` is the time of its sweep, in ISO 8601. */
export interface CoverageCheck {
	policy: Policy
	instanceNo: string
	sweptAt: string
}

/**
 * The third use case, for one instance: finds the state of each backup, asks for those that are due, and publishes the coverage
 * event. Keeps no state, so it may be killed, repeated and doubled: a request that was sent twice is one export. Throws an
 * `ExportError` when it must be delivered again; then nothing was concluded.
 */
export async function checkCoverage(check: CoverageCheck, ports: CoveragePorts): Promise<CoverageEvent> {
	const { policy, instanceNo, sweptAt } = check
	const observed = { policy: policy.name, product: policy.product, instanceNo, sweptAt }
	try {
		const coverage = await inspectInstance(policy, instanceNo, ports)
		await sendRequests(coverage, ports)
		const event = toCoverageEvent(coverage, sweptAt)
		await ports.sendToTopic(toCoverageMessage(event))
		ports.observe(observed, summarise(coverage, event))
		return event
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(observed, error)
		throw error
	}
}

/** Like anybody's requests, except that the completed export is remembered for as long as its backup may be listed. */
export async function sendRequests(
	{ policy, backups }: Coverage,
	{ requestQueue }: Pick<CoveragePorts, 'requestQueue'>,
): Promise<number> {
	const requests = requestsFor(backups)
	for (const request of requests) {
		await requestQueue.send(toQueueableJson(toApiRequest(request)), {
			traceparent: undefined,
			isRedriven: false,
			coveragePolicy: policy.name,
			// The message gets an id of its own.
			trigger: { kind: 'queue', id: '' },
		})
	}
	return requests.length
}

/** A log line names as many. */
const MAX_NAMED = 10

function summarise(coverage: Coverage, { data }: CoverageEvent): CoverageSummary {
	const { state, counts, unknownObjects } = data
	const failing = coverage.backups.filter((backup) => backup.state === 'failing')
	return {
		state,
		counts,
		unknownObjects,
		hoursBehind: hoursBehind(coverage),
		failingFiles: failing.slice(0, MAX_NAMED).map(({ fileName }) => toShown(fileName)),
	}
}
