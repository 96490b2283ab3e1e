import type { ScheduleCheck } from '../aws/arrival-queue.ts'
import type { Completions } from '../aws/completions.ts'
import type { Publish } from '../aws/topic.ts'
import type { ExportError } from '../errors.ts'
import type { Ledger, SettledEntry } from '../ledger/ledger.ts'
import type { CallNcp } from '../ncp/call-action.ts'
import type { Finding, FindObject } from '../object-storage/find-object.ts'
import type { Progress } from '../observe/step-times.ts'
import type { OutcomeEvent } from '../outcome/outcome.ts'
import type { ArrivalCheck, DeliveredCheck } from './arrival-schedule.ts'

export interface ArrivalPorts {
	ledger: Ledger
	findObject: FindObject
	schedule: ScheduleCheck
	publish: Publish
	/** Kept for the freshness of each instance. */
	recordCompletion: Completions['record']
	callNcp: CallNcp
	/** Milliseconds since the epoch. */
	now: () => number
	sleep: (ms: number) => Promise<unknown>
	/** From the outcome to the last look. */
	deadlineMs: number
	/** How long an unknown export may be on its way before it is sent once more. */
	resendAfterMs: number
	/** How long an export that has ended stays the same export. */
	deduplicationMs: number
	/** One log line and the metrics of a check; must not throw. */
	observe: (check: ArrivalCheck, ending: CheckEnding, progress: Progress) => void
}

/** A check to come, asked for once the outcome before it is published. */
export interface NextCheck {
	check: number
	delaySeconds: number
}

/** What a check did. `outcome` is published; `stale` = another check has gone further already. */
export type CheckEnding =
	| { kind: 'outcome'; entry: SettledEntry; candidates: readonly string[]; next?: NextCheck }
	| { kind: 'waiting'; event: OutcomeEvent; finding: Finding; delaySeconds: number }
	| { kind: 'stale' }
	| { kind: 'failed'; error: ExportError }

/** A check on its way. */
export interface CheckWork {
	check: DeliveredCheck
	remainingMs: () => number
	progress: Progress
}
