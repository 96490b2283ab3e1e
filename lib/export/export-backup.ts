import { CHECK_GRACE_MS, checkDelaySeconds } from '../arrival/arrival-schedule.ts'
import { scheduleInTime } from '../arrival/schedule-check.ts'
import { timeToCall } from '../deadline.ts'
import { ExportError, RequestInvalid, toExportError } from '../errors.ts'
import { type Entry, release } from '../ledger/ledger.ts'
import type { Reply } from '../ncp/read-reply.ts'
import { type Progress, startProgress, timed } from '../observe/step-times.ts'
import type { OutcomeEvent, SettledState } from '../outcome/outcome.ts'
import { toRejectedEvent } from '../outcome/rejected-outcome.ts'
import { toReplyError } from '../reply.ts'
import type { Delivery } from '../request/delivery.ts'
import { claim, idempotencyMismatch } from './claim-export.ts'
import type { ExportPorts, Work } from './export-ports.ts'
import { type Decided, replaceInTime, settleAs, startDeduplication } from './settle-export.ts'

/** The outcome is settled and stored, but not published, or its check not asked for: the next delivery does both and never calls. */
export class PublishFailed extends ExportError {
	// Private, since Lambda logs what is enumerable.
	readonly #event: OutcomeEvent

	constructor(event: OutcomeEvent, cause: unknown) {
		super(
			'PUBLISH_FAILED',
			cause instanceof ExportError ? cause.message : 'the topic did not take the outcome',
			{ cause },
		)
		this.#event = event
	}

	get event(): OutcomeEvent {
		return this.#event
	}
}

/**
 * The use case: claim, call NCP, settle, publish. Resolves with the published outcome when the delivery is finished,
 * also when NCP refused or the request was rejected. Rejects with a retryable `ExportError` when it must be delivered
 * again: `NCP_LATER`, `NCP_CREDENTIALS`, `IN_PROGRESS`, `DEADLINE_NEAR`, `LEDGER_UNAVAILABLE`, `INTERNAL`, and
 * `PUBLISH_FAILED`; a `PublishFailed` among them is settled, and the next delivery publishes and never calls. Delivered
 * again after it was settled, it publishes the same event, byte for byte. `remainingMs` says how long the trigger
 * still waits for an answer.
 */
export async function exportBackup(
	delivery: Delivery,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	const progress = startProgress()
	try {
		const decided = await decide(delivery, remainingMs, progress, ports)
		const { event } = decided
		await announce(decided, remainingMs, progress, ports).catch((cause) => {
			throw new PublishFailed(event, cause)
		})
		if (decided.entry !== null) await startDeduplication(decided.entry, ports)
		ports.observe(delivery, event, progress)
		return event
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(delivery, error, progress)
		throw error
	}
}

/** Publishes first, so that no check can end an export whose state before was never said. */
async function announce(
	{ event, entry }: Decided,
	remainingMs: () => number,
	progress: Progress,
	{ arrival, publish, now }: ExportPorts,
): Promise<void> {
	await timed(progress, 'publish', now, () => publish(event, remainingMs()))
	if (arrival === null || entry === null || event.data.terminal) return
	const { exportKey, exportId, nextCheck, nextCheckAtMs } = entry
	const leftMs = Date.parse(event.data.settledAt) + arrival.deadlineMs - now()
	const isLate = now() > nextCheckAtMs + CHECK_GRACE_MS
	if (nextCheck > 0 && !isLate) return
	const delaySeconds = nextCheck === 0 ? checkDelaySeconds(0, leftMs) : 1
	await timed(progress, 'schedule', now, () =>
		scheduleInTime({ exportKey, exportId, check: nextCheck }, delaySeconds, remainingMs, arrival.schedule),
	)
}

async function decide(
	delivery: Delivery,
	remainingMs: () => number,
	progress: Progress,
	ports: ExportPorts,
): Promise<Decided> {
	const { request } = delivery
	if (request instanceof RequestInvalid) return reject(delivery, request, ports)
	// Before any side effect: a message that cannot be finished is handed back as it came.
	if (timeToCall(remainingMs) === null) throw deadlineNear()
	const work = { delivery, request, remainingMs, progress }
	const claimed = await timed(progress, 'claim', ports.now, () => claim(work, ports))
	if (claimed.kind !== 'mismatch') Object.assign(progress, pickClaim(claimed.entry))
	switch (claimed.kind) {
		case 'ours':
			return perform(work, claimed.entry, ports)
		case 'abandoned':
			return settleAs('unknown', work, claimed.entry, null, lost(), ports)
		case 'settled':
			return { event: claimed.entry.event, entry: claimed.entry }
		case 'mismatch':
			return reject(delivery, idempotencyMismatch(), ports)
	}
}

function pickClaim({ exportId, attempts }: Entry): Pick<Progress, 'exportId' | 'attempts'> {
	return { exportId, attempts }
}

async function reject(delivery: Delivery, error: RequestInvalid, ports: ExportPorts): Promise<Decided> {
	const { sentAtMs, trigger } = delivery
	// One id stands for one content, and the time is part of it: every delivery must find the same one.
	const rejectedAtMs = sentAtMs ?? (await ports.firstSeen(trigger.id, ports.now()))
	return { event: toRejectedEvent({ ...delivery, error, rejectedAtMs }), entry: null }
}

async function perform(work: Work, entry: Entry, ports: ExportPorts): Promise<Decided> {
	const { delivery, request, remainingMs, progress } = work
	const callMs = timeToCall(remainingMs)
	const reply =
		callMs === null ? null : await timed(progress, 'call', ports.now, () => ports.callNcp(request, callMs))
	progress.reply = reply
	const error = reply === null ? deadlineNear() : toReplyError(reply)
	if (error === null || !error.retryable)
		return settleAs(toSettledState(reply), work, entry, reply, error, ports)
	if (delivery.isLast && reply !== null) return settleAs('exhausted', work, entry, reply, error, ports)
	// Certainly not done, so the next delivery may call at once. Should this write fail for good, the lease runs out
	// and the export is unknown: less than we know, but never more.
	await timed(progress, 'settle', ports.now, () => replaceInTime(entry, release(entry), remainingMs, ports))
	throw error
}

function toSettledState(reply: Reply | null): SettledState {
	return reply?.kind === 'accepted' || reply?.kind === 'refused' ? reply.kind : 'unknown'
}

function deadlineNear(): ExportError {
	return new ExportError('DEADLINE_NEAR', 'too little time was left; nothing was sent')
}

function lost(): ExportError {
	return new ExportError(
		'NCP_UNKNOWN',
		'it may or may not have been done: an earlier attempt died before it could say',
	)
}
