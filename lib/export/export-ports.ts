import type { ScheduleCheck } from '../aws/arrival-queue.ts'
import type { FirstSeen } from '../aws/first-seen.ts'
import type { Publish } from '../aws/topic.ts'
import type { ExportError } from '../errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { CallNcp } from '../ncp/call-action.ts'
import type { Progress } from '../observe/step-times.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import type { Delivery } from '../request/delivery.ts'
import type { ExportRequest } from '../request/export-request.ts'

export interface ExportPorts {
	/** Base of the API: a part of an export's identity. */
	apiUrl: string
	callNcp: CallNcp
	ledger: Ledger
	publish: Publish
	firstSeen: FirstSeen
	/** Milliseconds since the epoch. */
	now: () => number
	sleep: (ms: number) => Promise<unknown>
	/** Opaque and unique, and later ids sort behind earlier ones. */
	createId: (nowMs: number) => string
	deduplicationMs: number
	/** Null when arrival checks are off: then nothing follows an accepted or unknown export. */
	arrival: { schedule: ScheduleCheck; deadlineMs: number } | null
	/** One log line and the metrics of what became of a delivery; must not throw. */
	observe: (delivery: Delivery, ending: OutcomeEvent | ExportError, progress: Progress) => void
}

/** A delivery with a valid request, on its way. */
export interface Work {
	delivery: Delivery
	request: ExportRequest
	remainingMs: () => number
	progress: Progress
}
