import { askForCheck, needsCheck } from '../arrival/schedule-check.ts'
import { timeToCall } from '../deadline.ts'
import { ExportError, type RequestInvalid, toExportError } from '../errors.ts'
import { type Entry, type SettledEntry, settle } from '../ledger/ledger.ts'
import { replaceInTime, startDeduplication } from '../ledger/replace-in-time.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import { toRejectedEvent, toRejection } from '../outcome/rejected-outcome.ts'
import { type ExportPorts, type Progress, startProgress } from '../ports.ts'
import { type Delivery, type InvalidDelivery, toInvalid, type ValidDelivery } from '../request/delivery.ts'
import { createStepTimer, type TimeStep } from '../step-times.ts'
import { contested, createClaimExport } from './claim-export.ts'
import { createPerformExport, deadlineNear } from './perform-export.ts'
import { createSettleExport, type Ending } from './settle-export.ts'

/** How a delivery ended that need not be delivered again, or only to be published. */
export type ExportEnding =
	/** The outcome is on the topic. */
	| { kind: 'published'; event: OutcomeEvent }
	/** The request is invalid, and `rejected` is on the topic. */
	| { kind: 'rejected'; event: OutcomeEvent; error: RequestInvalid }
	/**
	 * The outcome is stored, but not published, or its first check is not asked for. The next delivery does both, and
	 * never calls NCP.
	 */
	| { kind: 'unpublished'; event: OutcomeEvent; error: ExportError }

/**
 * The first use case: claim, call NCP, settle, publish. Delivered again after it was settled, an export publishes the
 * same event, byte for byte. Throws a retryable `ExportError` when it must be delivered again: `NCP_LATER`,
 * `NCP_CREDENTIALS`, `IN_PROGRESS`, `DEADLINE_NEAR`, `LEDGER_UNAVAILABLE`, `INTERNAL`, and `PUBLISH_FAILED` when an outcome
 * could not be published that is not in the ledger (an invalid request), or is about to be replaced there.
 */
export async function exportBackup(delivery: Delivery, ports: ExportPorts): Promise<ExportEnding> {
	const progress = startProgress()
	try {
		const attempt = createAttempt(ports, progress)
		const ending = delivery.kind === 'valid' ? await attempt.export(delivery) : await attempt.reject(delivery)
		ports.observe(delivery, ending.kind === 'unpublished' ? ending.error : ending.event, progress)
		return ending
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(delivery, error, progress)
		throw error
	}
}

/** The steps of one delivery, bound to its ports and timed. */
function createAttempt(ports: ExportPorts, progress: Progress) {
	const { deadline, now } = ports
	const timed = createStepTimer(progress, now)
	const claimExport = timed('claim', createClaimExport(ports))
	const settleExport = timed('settle', createSettleExport(ports))
	const performExport = createPerformExport(ports, settleExport, progress, timed)
	const announce = createAnnounce(ports, timed)
	const publish = timed('publish', ports.publish)

	const exportValid = async (delivery: ValidDelivery): Promise<ExportEnding> => {
		// Before any side effect: a message that cannot be finished goes back to the queue untouched.
		if (timeToCall(deadline) === null) throw deadlineNear()
		const claimed = await claimExport(delivery)
		if (claimed.kind === 'conflict') return reject(toInvalid(delivery, claimed.error), claimed.entry)
		const { exportId, attempts, state } = claimed.entry
		if (state !== 'rejected') Object.assign(progress, { exportId, attempts })
		switch (claimed.kind) {
			case 'ours': {
				const settled = await performExport(claimed.entry, delivery)
				const ending = await announce(settled)
				await giveBack(settled, delivery)
				return ending
			}
			case 'abandoned':
				return announce(await settleExport(claimed.entry, abandoned(), delivery))
			case 'settled':
				return announce(claimed.entry)
		}
	}

	const reject = async (delivery: InvalidDelivery, claimed: Entry | null): Promise<ExportEnding> => {
		const { sentAtMs, trigger, error } = delivery
		// Events with one id are identical, and the time is part of them: every delivery must find the same time.
		const rejectedAtMs = sentAtMs ?? (await ports.firstSeen(trigger.id, now()))
		const event = toRejectedEvent(delivery, rejectedAtMs)
		if (claimed !== null) return announce(await storeRejection(claimed, event))
		await publish(event)
		return { kind: 'rejected', event, error }
	}

	/** The destination may be free when the same message is delivered again: it must not be exported then. */
	const storeRejection = timed(
		'settle',
		async (claimed: Entry, event: OutcomeEvent): Promise<SettledEntry> => {
			const stored = await replaceInTime(claimed, settle(claimed, event, now(), ports.deduplicationMs), ports)
			if (stored === null) throw contested()
			return stored
		},
	)

	/** Otherwise a mistyped instance would keep the destination from the right one. What is not given back expires. */
	const giveBack = async ({ state, exportKey, requestedAtMs }: SettledEntry, { request }: ValidDelivery) => {
		if (state === 'refused' || state === 'exhausted')
			await ports.destinations.giveBack(request, exportKey, requestedAtMs).catch(() => undefined)
	}

	return { export: exportValid, reject: (delivery: InvalidDelivery) => reject(delivery, null) }
}

/** Publishes first, so that no check can end an export whose state before was never published. */
function createAnnounce(ports: ExportPorts, timed: TimeStep): (entry: SettledEntry) => Promise<ExportEnding> {
	const { arrival, now } = ports
	const publish = timed('publish', ports.publish)
	const schedule = arrival === null ? null : timed('schedule', arrival.schedule)
	return async (entry) => {
		const { event } = entry
		try {
			await publish(event)
			if (arrival !== null && schedule !== null && needsCheck(entry, now()))
				await askForCheck(entry, arrival.deadlineMs, now(), schedule)
		} catch (cause) {
			const { code, message } = toExportError(cause)
			const error = new ExportError(code === 'SCHEDULE_FAILED' ? code : 'PUBLISH_FAILED', message, { cause })
			return { kind: 'unpublished', event, error }
		}
		await startDeduplication(entry, ports)
		return entry.state === 'rejected'
			? { kind: 'rejected', event, error: toRejection(event) }
			: { kind: 'published', event }
	}
}

function abandoned(): Ending {
	const message = 'it may or may not have been done: the function that made an earlier attempt died'
	return { state: 'unknown', reply: null, error: new ExportError('NCP_UNKNOWN', message) }
}
