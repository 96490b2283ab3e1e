import { timeToCall } from '../deadline.ts'
import { toExportError } from '../errors.ts'
import { isEnded, type Ledger, type SettledEntry } from '../ledger/ledger.ts'
import { startDeduplication } from '../ledger/replace-in-time.ts'
import { requestOf } from '../outcome/outcome.ts'
import {
	type ArrivalCheck,
	type ArrivalPorts,
	type CheckEnding,
	type Progress,
	startProgress,
} from '../ports.ts'
import { DEFAULT_PRODUCT } from '../products.ts'
import type { ExportRequest } from '../request/export-request.ts'
import { createStepTimer } from '../step-times.ts'
import { createEndWait, toCompleted, toEndOfWait } from './end-wait.ts'
import { createFindObject } from './find-object.ts'
import { createRepeatCheck } from './repeat-check.ts'
import { createResendExport, mayResend } from './resend-export.ts'
import { createWaitForArrival } from './wait-for-arrival.ts'
import { readChecked } from './write-check.ts'

/**
 * The second use case: has the object landed? Settles an accepted or unknown export as `completed`, `missing` (looked,
 * and not there at the deadline) or `unverified` (could not look, or what is there may be another export's), and sends an
 * unknown one once more when it is provably not there. Safe to repeat and to double: a check that is out of date does nothing, and one for an export that
 * has ended publishes its event again. Throws when the check must be delivered again: a retryable `ExportError`, or
 * `EXPORT_GONE` when the ledger no longer knows the export: its items may be restored before the check is a dead letter.
 */
export async function checkArrival(check: ArrivalCheck, ports: ArrivalPorts): Promise<CheckEnding> {
	const progress = startProgress()
	try {
		const ending = await createCheck(check, ports, progress)()
		ports.observe(check, ending, progress)
		return ending
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(check, error, progress)
		throw error
	}
}

/** The ports with their steps timed. */
function timePorts(ports: ArrivalPorts, progress: Progress): ArrivalPorts {
	const timed = createStepTimer(progress, ports.now)
	return {
		...ports,
		ledger: { ...ports.ledger, replace: timed('settle', ports.ledger.replace) as Ledger['replace'] },
		callNcp: timed('call', ports.callNcp),
		publish: timed('publish', ports.publish),
		schedule: timed('schedule', ports.schedule),
	}
}

/** The steps of one check, bound to its ports. */
function createCheck(delivered: ArrivalCheck, untimed: ArrivalPorts, progress: Progress) {
	const ports = timePorts(untimed, progress)
	const findObject = createStepTimer(progress, ports.now)('look', createFindObject(ports))
	const { ledger, now, deadline, publish, schedule } = ports
	const { exportKey, exportId, check } = delivered
	const end = createEndWait(ports)
	const repeat = createRepeatCheck(ports)
	const waitForArrival = createWaitForArrival(check, ports)
	const resendExport = createResendExport(check, ports, progress)

	const decide = async (entry: SettledEntry): Promise<CheckEnding> => {
		if (isEnded(entry)) return { kind: 'outcome', entry, candidates: [] }
		const request = requestOf(entry.event)
		// Every entry has a request; only a rejected outcome has none.
		if (request !== null && check >= entry.nextCheck) return look(entry, request)
		if (check === entry.nextCheck - 1) await repeat(entry)
		return { kind: 'stale' }
	}

	const look = async (entry: SettledEntry, request: ExportRequest): Promise<CheckEnding> => {
		// What the other function has stored in the meantime may never have been published.
		if (delivered.isRepeated) await publish(entry.event)
		const destination = await holdDestination(entry, request, ports)
		// A resend starts a new deadline.
		const sinceMs = Math.max(Date.parse(entry.event.data.settledAt), entry.resentAtMs)
		const waitedMs = now() - sinceMs
		const isLast = waitedMs >= ports.deadlineMs
		const isResendDue = waitedMs >= ports.resendAfterMs && mayResend(entry) && destination !== 'taken'
		const wanted = { request, notBeforeMs: entry.claimedAtMs, isDestinationOurs: destination === 'ours' }
		const finding = await findObject(wanted, isLast || isResendDue)
		if (finding.kind === 'found') return end(entry, toCompleted(finding, now()), finding.candidates)
		if (isLast) {
			const candidates = finding.kind === 'candidates' ? finding.keys : []
			return end(entry, toEndOfWait(finding, request, now()), candidates)
		}
		if (isResendDue && finding.kind === 'absent' && timeToCall(deadline) !== null)
			return resendExport(entry, request, finding)
		return waitForArrival(entry, finding, sinceMs + ports.deadlineMs - now())
	}

	return async (): Promise<CheckEnding> => {
		let ending = await decide(await readChecked(delivered, ledger))
		// Perhaps a double of this check was first, in which case both must see to it that the export goes on.
		if (ending.kind === 'stale') ending = await decide(await readChecked(delivered, ledger))
		if (ending.kind !== 'outcome') return ending
		const { entry, next } = ending
		await publish(entry.event)
		if (next) await schedule({ exportKey, exportId, check: next.check }, next.delaySeconds)
		// At the same time, so that neither uses up the time of the other.
		await Promise.all([recordCompletion(delivered, entry, ports), startDeduplication(entry, ports)])
		return ending
	}
}

/**
 * A repeat records the same time. Never rejects: the outcome is published, and would be published again. The instance's
 * next completion makes up for one that is not recorded.
 */
async function recordCompletion(
	check: ArrivalCheck,
	{ event }: SettledEntry,
	ports: ArrivalPorts,
): Promise<void> {
	const request = requestOf(event)
	if (event.data.state !== 'completed' || request === null) return
	const atMs = Date.parse(event.data.settledAt)
	await ports
		.recordCompletion({ instance: toCompletedInstance(request), atMs })
		.catch((error) => ports.observeUnrecorded(check, toExportError(error)))
}

/** Its name in metrics and for `ops forget`. PostgreSQL's kept theirs when other products came. */
function toCompletedInstance({ product, regionCode = '-', instanceNo }: ExportRequest): string {
	const name = `${regionCode}/${instanceNo}`
	return product === DEFAULT_PRODUCT ? name : `${product}/${name}`
}

/** `ours`: no other instance writes there. `shared`: others may. `taken`: it is another's, so nothing is sent there. */
type Holding = 'ours' | 'shared' | 'taken'

/**
 * An export that was claimed before destinations belonged to instances takes its destination now. One claimed under
 * `shared` is never judged as exclusive.
 */
async function holdDestination(
	{ destinationRule, exportKey }: SettledEntry,
	request: ExportRequest,
	{ destinations, now }: ArrivalPorts,
): Promise<Holding> {
	if (destinations.rule === 'shared') return 'shared'
	if (destinationRule === 'exclusive') return 'ours'
	if ((await destinations.take(request, exportKey, now())).kind === 'held') return 'taken'
	return destinationRule === 'shared' ? 'shared' : 'ours'
}
