import type { InferOutput } from 'valibot'
import { cut, type ExportError } from '../errors.ts'
import { toQueueableJson } from '../formats/json.ts'
import { DEFAULT_PRODUCT, PRODUCTS } from '../products.ts'
import type { Reply } from '../reply.ts'
import type { Trigger } from '../request/delivery.ts'
import { toInstance } from '../request/export-identity.ts'
import { type ExportRequest, fromApiRequest, toApiRequest } from '../request/export-request.ts'
import type { outcomeEventSchema } from './outcome-schema.ts'

/** A structured CloudEvent 1.0. Its id is made of export and state, so consumers deduplicate by it. */
export type OutcomeEvent = InferOutput<typeof outcomeEventSchema>

export type OutcomeData = OutcomeEvent['data']

/** Where an export stands. The README says what each state claims, and what it does not. */
export type State = OutcomeData['state']

export type OutcomeError = NonNullable<OutcomeData['error']>

/** What was seen in the bucket. */
export type ArrivedObject = NonNullable<OutcomeData['object']>

/** A state that an export can be in; a rejected request has no export. */
export type SettledState = Exclude<State, 'rejected'>

/** The states that an arrival check ends. With arrival checks off, they are terminal too. */
const OPEN: ReadonlySet<State> = new Set(['accepted', 'unknown'])

export interface Settled {
	state: SettledState
	exportId: string
	request: ExportRequest
	/** Null when no reply came, or NCP was not asked. */
	reply: Reply | null
	/** Why the state is not simply accepted. */
	error: ExportError | null
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
	return toEvent(`${exportId}/${state}`, request, traceparent, {
		exportId,
		state,
		terminal: !(settled.isArrivalChecked && OPEN.has(state)),
		request: toOutcomeRequest(request),
		reply: reply === null || reply.httpStatus === null ? null : toOutcomeReply(reply),
		error: error === null ? null : toOutcomeError(error, reply),
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
	/** Keys of objects that may or may not be this export's. */
	candidates?: readonly string[]
	error: ExportError | null
	/** How often NCP was called by then. */
	attempts: number
	checkedAtMs: number
}

/** The outcome of an arrival check: what was published before, and what the check found. */
export function toArrivalEvent(before: OutcomeEvent, arrival: Arrival): OutcomeEvent {
	const { state, object, candidates, error, attempts, checkedAtMs } = arrival
	const settledAt = new Date(checkedAtMs).toISOString()
	return {
		...before,
		id: `${before.data.exportId}/${state}`,
		type: toType(state),
		time: settledAt,
		data: {
			...before.data,
			state,
			terminal: true,
			object,
			...(candidates === undefined ? {} : { candidates }),
			error: error === null ? null : toOutcomeError(error),
			attempts,
			settledAt,
		},
	}
}

/** The request that an outcome is about; null for a rejected one, which has none. */
export function requestOf({ data }: OutcomeEvent): ExportRequest | null {
	return data.request === null ? null : fromApiRequest(data.request)
}

/**
 * What identifies the backup, in the API's names. Without `responseFormatType`: it changes only the form of NCP's reply, of
 * which either is read, so an export that is sent once more, from its stored outcome, goes without it.
 */
function toOutcomeRequest({
	product,
	instanceNo,
	fileName,
	chosen,
	bucketName,
	folderPath,
	regionCode,
}: ExportRequest): OutcomeData['request'] {
	return {
		...toApiRequest({ product, instanceNo, fileName, chosen, bucketName }),
		...(folderPath === undefined ? {} : { folderPath }),
		...(regionCode === undefined ? {} : { regionCode }),
	} as OutcomeData['request']
}

const MAX_MESSAGE = 500

/** An outcome's error from one of ours; where NCP answered, with its envelope and code. */
export function toOutcomeError(error: ExportError, reply: Reply | null = null): OutcomeError {
	return {
		code: error.code,
		envelope: reply?.envelope ?? null,
		ncpCode: reply?.code ?? null,
		message: cut(error.message, MAX_MESSAGE),
	}
}

/** The event as it is published. */
export function serializeEvent(event: OutcomeEvent): string {
	return toQueueableJson(event)
}

/** The envelope around an outcome's data; a rejected outcome has no request. */
export function toEvent(
	id: string,
	request: ExportRequest | null,
	traceparent: string | undefined,
	data: OutcomeData,
): OutcomeEvent {
	return {
		specversion: '1.0',
		id,
		source: toSource(request),
		type: toType(data.state),
		...(request === null ? {} : { subject: toSubject(request) }),
		time: data.settledAt,
		datacontenttype: 'application/json',
		...(traceparent === undefined ? {} : { traceparent }),
		data,
	}
}

function toSubject({ bucketName, folderPath = '', fileName }: ExportRequest): string {
	return `${bucketName}/${folderPath}${fileName}`
}

function toSource(request: ExportRequest | null): string {
	// A rejected request may not even name a product.
	if (request === null) return `/ncp/${PRODUCTS[DEFAULT_PRODUCT].path}`
	return `/ncp/${toInstance(request)}`
}

function toType(state: State): OutcomeEvent['type'] {
	return `ncp.backup.export.${state}.v1`
}

function toOutcomeReply(reply: Reply): OutcomeData['reply'] {
	const { httpStatus, requestId, returnCode, returnMessage, traceId } = reply
	return { httpStatus, requestId, returnCode, returnMessage, traceId }
}
