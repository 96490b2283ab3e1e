import type { Publish } from './aws/topic.ts'
import { ExportError, RequestInvalid, toExportError } from './errors.ts'
import { type ExportRequest, parseExportRequest } from './export-request.ts'
import type { CallNcp } from './ncp/client.ts'
import type { Reply } from './ncp/reply.ts'
import { type OutcomeEvent, type Settled, type Trigger, toOutcomeEvent, toRejectedEvent } from './outcome.ts'
import { unwrap } from './unwrap.ts'

/** One request as a trigger delivered it. */
export interface Delivery {
	request: ExportRequest | RequestInvalid
	/** The request's text as it came, for the event of a rejected one. */
	original: string
	trigger: Trigger
	traceparent: string | undefined
}

export interface ExportPorts {
	callNcp: CallNcp
	publish: Publish
	/** Milliseconds since the epoch. */
	now: () => number
	/** Opaque, and later ids sort behind earlier ones. */
	createExportId: (nowMs: number) => string
	/** One log line and the metrics of what became of a delivery; must not throw. */
	observe: (delivery: Delivery, ending: OutcomeEvent | ExportError) => void
}

/** Kept for publishing and answering, so that a slow call cannot leave an outcome unsaid. */
const RESERVE_MS = 4_000

/** With less than this for the call itself it is not begun. */
const MIN_CALL_MS = 1_000

/** Reads what a trigger delivered; an invalid request is a delivery too, since its outcome is published. */
export function toDelivery(
	input: unknown,
	trigger: Trigger,
	options: { regionCode: string | undefined; traceparent?: string | undefined; original?: string },
): Delivery {
	const original = options.original ?? toText(input)
	try {
		const { value, traceparent = options.traceparent } = unwrap(input)
		return { request: parseExportRequest(value, options.regionCode), original, trigger, traceparent }
	} catch (error) {
		if (!(error instanceof RequestInvalid)) throw error
		return { request: error, original, trigger, traceparent: options.traceparent }
	}
}

function toText(input: unknown): string {
	if (typeof input === 'string') return input
	try {
		return JSON.stringify(input) ?? ''
	} catch {
		// Nested too deep to be written: the outcome goes without its original.
		return ''
	}
}

/**
 * The use case: call NCP, settle, publish. Resolves with the published outcome when the delivery is finished, also
 * when NCP refused or the request was rejected. Rejects with a retryable `ExportError` when it must be delivered
 * again: `NCP_LATER`, `NCP_CREDENTIALS`, `DEADLINE_NEAR` (nothing was done), `PUBLISH_FAILED`, `INTERNAL`.
 * `remainingMs` says how long the trigger still waits for an answer.
 */
export async function exportBackup(
	delivery: Delivery,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	try {
		const event = await settle(delivery, remainingMs, ports)
		await ports.publish(event, remainingMs())
		ports.observe(delivery, event)
		return event
	} catch (thrown) {
		const error = toExportError(thrown)
		ports.observe(delivery, error)
		throw error
	}
}

async function settle(
	delivery: Delivery,
	remainingMs: () => number,
	ports: ExportPorts,
): Promise<OutcomeEvent> {
	const { request, trigger, traceparent } = delivery
	const requestedAtMs = ports.now()
	if (request instanceof RequestInvalid) {
		return toRejectedEvent({ ...delivery, error: request, rejectedAtMs: requestedAtMs })
	}
	const callMs = remainingMs() - RESERVE_MS
	if (callMs < MIN_CALL_MS)
		throw new ExportError('DEADLINE_NEAR', 'too little time is left; nothing was sent')
	const reply = await ports.callNcp(request, callMs)
	throwUnlessSettled(reply)
	return toOutcomeEvent({
		exportId: ports.createExportId(requestedAtMs),
		request,
		reply,
		attempts: 1,
		trigger,
		traceparent,
		requestedAtMs,
		settledAtMs: ports.now(),
	})
}

function throwUnlessSettled(reply: Reply): asserts reply is Settled['reply'] {
	const { kind, code, message, retryAfterSeconds } = reply
	const said = code === null ? message : `${message}, code ${code}`
	if (kind === 'later')
		throw new ExportError('NCP_LATER', `NCP has not done it yet: ${said}`, { retryAfterSeconds })
	if (kind === 'credentials')
		throw new ExportError('NCP_CREDENTIALS', `NCP does not accept the key pair: ${said}`)
}
