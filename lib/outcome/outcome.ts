import type { InferOutput } from 'valibot'
import { cut, type ExportError } from '../errors.ts'
import type { Reply } from '../ncp/read-reply.ts'
import type { ExportRequest } from '../request/export-request.ts'
import type { outcomeEventSchema } from './outcome-schema.ts'

/** A structured CloudEvent 1.0; its id depends on export and state alone, so a repeat can be told from news. */
export type OutcomeEvent = InferOutput<typeof outcomeEventSchema>

export type OutcomeData = OutcomeEvent['data']

/** Where an export stands; see the README for what each one claims, and what it does not. */
export type State = OutcomeData['state']

/** What set us off: an SQS message, an HTTP request, or an event. */
export type Trigger = OutcomeData['trigger']

export type OutcomeError = NonNullable<OutcomeData['error']>

/** What was seen in the bucket. */
export type ArrivedObject = NonNullable<OutcomeData['object']>

/** A state that an export can be in; a rejected request has no export. */
export type SettledState = Exclude<State, 'rejected'>

/** The states that an arrival check settles; without one nothing follows them either. */
const OPEN: ReadonlySet<State> = new Set(['accepted', 'unknown'])

export interface Settled {
	state: SettledState
	exportId: string
	request: ExportRequest
	/** Null when NCP was not heard, or not even asked. */
	reply: Reply | null
	/** Why it is not simply accepted. */
	error: OutcomeError | null
	attempts: number
	trigger: Trigger
	traceparent: string | undefined
	requestedAtMs: number
	settledAtMs: number
	/** An arrival check will follow. */
	isArrivalChecked: boolean
}

/** The outcome of an export in a state. Pure: the same input gives the same bytes. */
export function toOutcomeEvent(settled: Settled): OutcomeEvent {
	const { state, exportId, request, reply, error, attempts, trigger, traceparent } = settled
	const { cloudPostgresqlInstanceNo, fileName, bucketName, regionCode } = request
	return toEvent(`${exportId}/${state}`, traceparent, {
		exportId,
		state,
		terminal: !(settled.isArrivalChecked && OPEN.has(state)),
		request: {
			cloudPostgresqlInstanceNo,
			fileName,
			bucketName,
			...(regionCode === undefined ? {} : { regionCode }),
		},
		reply: reply === null || reply.httpStatus === null ? null : toOutcomeReply(reply),
		error,
		object: null,
		attempts,
		trigger,
		requestedAt: new Date(settled.requestedAtMs).toISOString(),
		settledAt: new Date(settled.settledAtMs).toISOString(),
	})
}

export interface Arrival {
	state: 'completed' | 'missing' | 'unverified'
	object: ArrivedObject | null
	error: OutcomeError | null
	checkedAtMs: number
}

/** The outcome of an arrival check: what was published before, and what is known beyond it now. */
export function toArrivalEvent({ traceparent, data }: OutcomeEvent, arrival: Arrival): OutcomeEvent {
	const { state, object, error, checkedAtMs } = arrival
	const settledAt = new Date(checkedAtMs).toISOString()
	return toEvent(`${data.exportId}/${state}`, traceparent, {
		...data,
		state,
		terminal: true,
		object,
		error,
		settledAt,
	})
}

/** An outcome's error from one of ours; where NCP said something, its envelope and code. */
export function toOutcomeError(error: ExportError, reply: Reply | null = null): OutcomeError {
	return {
		code: error.code,
		envelope: reply?.envelope ?? null,
		ncpCode: reply?.code ?? null,
		message: cut(error.message, MAX_MESSAGE),
	}
}

const MAX_MESSAGE = 500
/** The event as it is published. */
export function serializeEvent(event: OutcomeEvent): string {
	return toQueueableJson(event)
}

/** JSON in characters that SNS and SQS take: they refuse U+FFFE and U+FFFF, which JSON leaves unescaped. */
export function toQueueableJson(value: unknown): string {
	return JSON.stringify(value).replace(
		/[\uFFFE\uFFFF]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16)}`,
	)
}

/** The envelope around an outcome's data. */
export function toEvent(id: string, traceparent: string | undefined, data: OutcomeData): OutcomeEvent {
	const { request } = data
	return {
		specversion: '1.0',
		id,
		// "-" stands for the default region, whose name only NCP knows.
		source: request
			? `/ncp/vpostgresql/${request.regionCode ?? '-'}/${request.cloudPostgresqlInstanceNo}`
			: '/ncp/vpostgresql',
		type: `ncp.backup.export.${data.state}.v1`,
		...(request ? { subject: `${request.bucketName}/${request.fileName}` } : {}),
		time: data.settledAt,
		datacontenttype: 'application/json',
		...(traceparent === undefined ? {} : { traceparent }),
		data,
	}
}

function toOutcomeReply({
	httpStatus,
	requestId,
	returnCode,
	returnMessage,
	traceId,
}: Reply): OutcomeData['reply'] {
	return { httpStatus, requestId, returnCode, returnMessage, traceId }
}
