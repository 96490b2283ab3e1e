import type { Deadline } from './deadline.ts'
import type { ExportError } from './errors.ts'
import type { Entry, Ledger, SettledEntry } from './ledger/ledger.ts'
import type { ArrivedObject, OutcomeEvent } from './outcome/outcome.ts'
import type { Product } from './products.ts'
import type { Reply } from './reply.ts'
import type { Delivery } from './request/delivery.ts'
import type { DestinationRule } from './request/export-identity.ts'
import type { ExportRequest } from './request/export-request.ts'
import type { Steps } from './step-times.ts'

/** What both use cases need. Bound to one invocation: every call ends before its deadline. */
interface SharedPorts {
	/** Until when the work must have ended. */
	deadline: Deadline
	/** Milliseconds since the epoch. */
	now: () => number
	sleep: (ms: number) => Promise<unknown>
	/** From 0 to 1, exclusive. */
	random: () => number
	callNcp: CallNcp
	ledger: Ledger
	destinations: Destinations
	publish: Publish
	/** How long an export that has ended stays the same export. */
	deduplicationMs: number
}

export interface ExportPorts extends SharedPorts {
	/** Base of the API: a part of an export's identity. */
	apiUrl: string
	firstSeen: FirstSeen
	/** Opaque and unique; later ids sort behind earlier ones. */
	createId: (nowMs: number) => string
	/** Null when arrival checks are off: then nothing follows an accepted or unknown export. */
	arrival: { schedule: ScheduleCheck; deadlineMs: number } | null
	observe: ObserveExport
}

export interface ArrivalPorts extends SharedPorts {
	listObjects: ListObjects
	/** Where an export without a folder is expected; may hold `{fileName}` and `{instanceNo}`. */
	keyPrefix: string
	schedule: ScheduleCheck
	recordCompletion: RecordCompletion
	observeUnrecorded: ObserveUnrecorded
	/** From the outcome to the last look. */
	deadlineMs: number
	/** How long an unknown export may be on its way before it is sent once more. */
	resendAfterMs: number
	observe: ObserveCheck
}

/** One call of the export action; total. `timeoutMs` may only shorten the client's own limit. */
export type CallNcp = (request: ExportRequest, timeoutMs: number) => Promise<Reply>

/** A database instance, as NCP lists it. */
export interface ListedInstance {
	instanceNo: string
	name: string
	/** NCP's status code is `CREAT`. */
	isThere: boolean
}

/** A backup file, as NCP lists it. Times in milliseconds since the epoch. */
export interface ListedBackup {
	fileName: string
	startedAtMs: number | null
	/** Null while it runs. */
	endedAtMs: number | null
	sizeBytes: number | null
}

/**
 * Each list is whole, or it throws: `NCP_LATER` (also for a list that was cut, or whose rows and count differ),
 * `NCP_CREDENTIALS`, `NCP_REFUSED`, `SECRET_UNREADABLE`. All calls together end within `timeoutMs`.
 */
export type ListInstances = (
	query: { product: Product; regionCode: string | undefined },
	timeoutMs: number,
) => Promise<ListedInstance[]>

/** As `ListInstances`. */
export type ListBackups = (
	query: { product: Product; regionCode: string | undefined; instanceNo: string },
	timeoutMs: number,
) => Promise<ListedBackup[]>

/** One message on the topic. All attributes are strings. */
export interface TopicMessage {
	message: string
	attributes: Readonly<Record<string, string>>
}

/** Resolves when the topic has the message. Throws `PUBLISH_FAILED`, after which the topic may have it all the same. */
export type SendToTopic = (message: TopicMessage) => Promise<void>

/** Resolves when the topic has the event. Throws `PUBLISH_FAILED`, after which the topic may have it all the same. */
export type Publish = (event: OutcomeEvent) => Promise<void>

/**
 * When a trigger was first delivered, milliseconds since the epoch: `nowMs`, unless there was an earlier delivery. Throws
 * `LEDGER_UNAVAILABLE`.
 */
export type FirstSeen = (triggerId: string, nowMs: number) => Promise<number>

/** The export with an id, or null when there is none, or none any more. Throws `LEDGER_UNAVAILABLE`. */
export type FindExport = (exportId: string, nowMs: number) => Promise<Entry | null>

export interface RequestQueue {
	/** Puts a request on the queue, with what its delivery knew beside it. Throws `QUEUE_UNAVAILABLE`. */
	send: (body: string, marks: Marks) => Promise<void>
	/** Hides a message for so many seconds. Resolves with what went wrong; then the queue's own visibility time-out holds. */
	hide: (receiptHandle: string, seconds: number) => Promise<ExportError | null>
	/** Copies a body to the dead-letter queue, with the reason as attributes. Throws `QUEUE_UNAVAILABLE`. */
	deadLetter: (body: string, marks: Marks, error: ExportError) => Promise<void>
}

/** What a message says beside its body. */
export type Marks = Pick<Delivery, 'traceparent' | 'isRedriven' | 'coveragePolicy' | 'trigger'>

/** The body of a message on the arrival queue; the rest is in the ledger. */
export interface ArrivalCheck {
	exportKey: string
	exportId: string
	/** Counts the checks of one export from 0. */
	check: number
	/** It may be lost, so somebody asked for it who cannot tell whether the export's present state was published. */
	isRepeated?: true
}

/** Asks for a check after so many seconds, 900 at most. Throws `SCHEDULE_FAILED`. */
export type ScheduleCheck = (check: ArrivalCheck, delaySeconds: number) => Promise<void>

/**
 * For each place in a bucket, its instance and the last export to request it, kept for 60 days. Under the rule `exclusive`
 * the place belongs to the instance that was first. All throw `LEDGER_UNAVAILABLE`, and `take` also `IN_PROGRESS`.
 */
export interface Destinations {
	rule: DestinationRule
	/**
	 * Asks for the destination of a request. `askedBy` is the export's key. It may be called again for the same export: a
	 * write whose answer was lost does no harm.
	 */
	take: (request: ExportRequest, askedBy: string, nowMs: number) => Promise<Taking>
	/** The instance that has the destination of a request; null when none has, or not any more. */
	holder: (request: ExportRequest, nowMs: number) => Promise<string | null>
	/**
	 * Frees a destination that this export alone has asked for, after it was certainly not done: nothing can have landed
	 * there. `requestedAtMs` is the export's: what was asked for before is kept.
	 */
	giveBack: (request: ExportRequest, askedBy: string, requestedAtMs: number) => Promise<void>
	/** The destinations in a bucket whose file has this name. The index follows the table with a short delay. */
	namesakes: (bucketName: string, name: string, limit: number) => Promise<Namesakes>
}

/** `ours`: the destination is the instance's from now on. `held`: it is another instance's. */
export type Taking =
	| {
			kind: 'ours'
			/** Undoes it, unless somebody else has asked since. */
			undo: () => Promise<void>
	  }
	| { kind: 'held'; by: string }

export interface Namesakes {
	read: Namesake[]
	/** False when there are more than were read. */
	isWhole: boolean
}

/** A destination, and the export that asked for it last. */
export interface Namesake {
	/** Whom the destination belongs to: see `toHolder`. */
	instance: string
	folderPath: string | undefined
	fileName: string
	/** The export's key. */
	askedBy: string
	/** Other exports asked for it, too: where their copies lie is not known. */
	isAskedBySeveral: boolean
}

/** What is under a prefix of a bucket. `unreadable` = cannot tell, which is never the same as empty. */
export type Listing =
	| {
			kind: 'listed'
			objects: readonly ArrivedObject[]
			/** False when there were more objects than may be read. */
			isWhole: boolean
	  }
	| { kind: 'unreadable'; reason: string }

/** Total: never throws, and ends within `timeoutMs`, or as soon as a listing that is shared does. */
export type ListObjects = (bucketName: string, prefix: string, timeoutMs: number) => Promise<Listing>

/** What a look into the bucket says of an export. */
export type Finding =
	| { kind: 'found'; object: ArrivedObject; candidates: readonly string[] }
	/** Objects that may be this export's, and may be another's. */
	| { kind: 'candidates'; keys: readonly string[]; doubt: Doubt }
	| { kind: 'absent' }
	/** Cannot tell, which is never the same as absent. */
	| { kind: 'unreadable'; reason: string }

/**
 * Why a candidate proves nothing: it is not where the export is expected; other instances may write there; or another
 * export may have put it there, or that takes too long to rule out.
 */
export type Doubt = 'elsewhere' | 'shared' | 'contested'

/** When an instance's last export was seen to arrive, in milliseconds since the epoch. */
export interface Completion {
	/** `{region}/{instance number}`; "-" for the default region. */
	instance: string
	atMs: number
}

/** Kept for the freshness of each instance. Throws `LEDGER_UNAVAILABLE`. */
export type RecordCompletion = (completion: Completion) => Promise<void>

/** NCP's key pair, which opens Object Storage too. */
export interface KeyPair {
	accessKey: string
	secretKey: string
}

/** What is known of an attempt. For the log line alone: no decision reads it. */
export interface Progress extends Steps {
	/** Null until the export is claimed. */
	exportId: string | null
	attempts: number
	reply: Reply | null
}

export function startProgress(): Progress {
	return { exportId: null, attempts: 0, reply: null, stepMs: {}, failedStep: null }
}

/** One log line and the metrics of how a delivery ended. Must not throw. */
export type ObserveExport = (
	delivery: Delivery,
	ending: OutcomeEvent | ExportError,
	progress: Progress,
) => void

/** What a check did. `outcome` is published; `stale` = another check has moved the export on. */
export type CheckEnding =
	| { kind: 'outcome'; entry: SettledEntry; candidates: readonly string[]; next?: NextCheck }
	| { kind: 'waiting'; entry: SettledEntry; finding: Finding; delaySeconds: number }
	| { kind: 'stale' }

/** A check to come, asked for once the outcome before it is published. */
export interface NextCheck {
	check: number
	delaySeconds: number
}

/** One log line and the metrics of a check. Must not throw. */
export type ObserveCheck = (
	check: ArrivalCheck,
	ending: CheckEnding | ExportError,
	progress: Progress,
) => void

/** One log line for a completion that could not be recorded after its outcome was published. Must not throw. */
export type ObserveUnrecorded = (check: ArrivalCheck, error: ExportError) => void

/** What a check of one instance needs. Bound to one invocation: every call ends before its deadline. */
export interface InspectPorts {
	deadline: Deadline
	/** Milliseconds since the epoch. */
	now: () => number
	/** Base of the API: a part of an export's identity. */
	apiUrl: string
	listBackups: ListBackups
	listObjects: ListObjects
	ledger: Pick<Ledger, 'read'>
	destinations: Pick<Destinations, 'rule' | 'holder' | 'namesakes'>
}

export interface CoveragePorts extends InspectPorts {
	requestQueue: Pick<RequestQueue, 'send'>
	sendToTopic: SendToTopic
	observe: ObserveCoverage
}

export interface SweepPorts {
	deadline: Deadline
	listInstances: ListInstances
	sendMessages: CoverageQueue['sendMessages']
}

export interface CoverageQueue {
	/** Puts these bodies on the queue. Throws `QUEUE_UNAVAILABLE`, after which some of them may be there. */
	sendMessages: (bodies: readonly string[]) => Promise<void>
	/** Hides a message for so many seconds. Resolves with what went wrong; then the queue's own visibility time-out holds. */
	hide: (receiptHandle: string, seconds: number) => Promise<ExportError | null>
}

/** What a coverage check found, in numbers. */
export interface CoverageSummary {
	state: 'covered' | 'behind'
	counts: Readonly<Record<'covered' | 'underWay' | 'due' | 'failing' | 'gone' | 'running', number>>
	unknownObjects: number
	/** Hours since the end of the backup that is behind for longest; 0 when none is. */
	hoursBehind: number
	/** Names of files whose export ended without proof, or that cannot be asked for; not all of many. */
	failingFiles: readonly string[]
}

/** One log line and the metrics of a check of one instance. Must not throw. */
export type ObserveCoverage = (
	check: { policy: string; product: Product; instanceNo: string; sweptAt: string },
	ending: CoverageSummary | ExportError,
) => void

/** One log line and the metrics of a sweep. Must not throw. */
export type ObserveSweep = (
	sweep: { policy?: string; sweptAt?: string },
	ending: { instances: number; missing: readonly string[] } | ExportError,
) => void
