import { createCompletions } from '../../lib/aws/completions.ts'
import { createDestinations, DESTINATION_PREFIX } from '../../lib/aws/destinations.ts'
import type { DynamoDb, TableAnswer, TableRequest } from '../../lib/aws/dynamodb.ts'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { createFirstSeen } from '../../lib/aws/first-seen.ts'
import { createPublish } from '../../lib/aws/topic.ts'
import { AwsError } from '../../lib/aws-error.ts'
import { toHandlerDeadline, toWorkDeadline } from '../../lib/deadline.ts'
import { ExportError, toExportError } from '../../lib/errors.ts'
import type { Ledger } from '../../lib/ledger/ledger.ts'
import { shareListings } from '../../lib/object-storage/list-objects.ts'
import type {
	ArrivalPorts,
	CoveragePorts,
	Destinations,
	ExportPorts,
	Namesakes,
	RequestQueue,
	SweepPorts,
	Taking,
	TopicMessage,
} from '../../lib/ports.ts'
import { toDestination } from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { COVERAGE_POLICY, REDRIVEN_FROM } from '../../lib/request/message-attributes.ts'
import { type Actor, REPLIES, type World } from './world.ts'

export const API_URL = 'https://ncp.example'

/** One step of a process: a call to the world outside. */
export interface Call {
	service: 'table' | 'topic' | 'ncp' | 'bucket' | 'queue'
	/** What is done, for the trace. */
	name: string
	/** The one item of the table that it touches, if it is one. */
	key: string | null
	/** It changes nothing. */
	isRead: boolean
	/** Takes effect, and returns the answer. Throws what the service answers. */
	perform: () => unknown
	/** What the caller sees when no answer comes: a value, or something thrown. */
	miss: () => unknown
}

/** Lets a driver decide when a step takes effect, and what goes wrong. */
export type Step = (call: Call) => Promise<unknown>

/** One invocation of a function. */
export interface Process {
	step: Step
	/** Its own clock, which may be off. */
	now: () => number
	/** Until the runtime ends it. */
	leftMs: () => number
	sleep: (ms: number) => Promise<unknown>
	/** From 0 to 1, exclusive. */
	random: () => number
}

/** What the five functions work with. */
export interface Ports {
	export: ExportPorts
	arrival: ArrivalPorts
	coverage: CoveragePorts & SweepPorts
	queue: RequestQueue
}

const TABLE = 'exports'
const ignore = (): void => undefined

/** The real adapters of table and topic over the world, and the other ports straight on it. */
export function createPorts(world: World, process: Process, actor: Actor, grain: Grain): Ports {
	const { now, sleep, random } = process
	const { settings } = world
	const { step, fallible } = createSteps(process)
	const nextId = (): string => `${actor.name}.${++actor.made}`
	const { dynamodb, ledger, destinations } = createTable(world, process, actor, grain)
	const sendToTopic = (message: TopicMessage) =>
		fallible('topic', `publish ${toId(message)}`, 'PUBLISH_FAILED', () => world.publish(message, actor))
	const deadline = toWorkDeadline(toHandlerDeadline({ getRemainingTimeInMillis: process.leftMs }))
	const listObjects = shareListings(
		(bucketName, prefix) =>
			step({
				service: 'bucket',
				name: `list ${bucketName}/${prefix}`,
				isRead: true,
				key: null,
				perform: () => world.list(bucketName, prefix, actor),
				miss: () => ({ kind: 'unreadable', reason: 'TimeoutError' }),
			}) as ReturnType<ArrivalPorts['listObjects']>,
	)
	const shared = {
		deadline,
		now,
		sleep,
		random,
		ledger,
		destinations,
		publish: createPublish(sendToTopic),
		deduplicationMs: settings.deduplicationMs,
		callNcp: ((request) =>
			step({
				service: 'ncp',
				name: `export ${request.instanceNo} ${request.fileName}`,
				isRead: false,
				key: null,
				perform: () => world.call(request, actor),
				miss: () => REPLIES.lost,
			})) as ExportPorts['callNcp'],
		schedule: ((check, delaySeconds) =>
			fallible('queue', `schedule check ${check.check}`, 'SCHEDULE_FAILED', () =>
				world.send(
					{ id: nextId(), queue: 'arrivals', body: JSON.stringify(check), attributes: {} },
					delaySeconds * 1000,
				),
			)) as ArrivalPorts['schedule'],
		observe: ignore,
	}
	const queue = createQueue(world, fallible, nextId)
	return {
		queue,
		export: {
			...shared,
			apiUrl: API_URL,
			firstSeen: createFirstSeen(dynamodb, TABLE),
			createId: nextId,
			arrival: { schedule: shared.schedule, deadlineMs: settings.deadlineMs },
		},
		arrival: {
			...shared,
			listObjects,
			keyPrefix: '{fileName}',
			recordCompletion: createCompletions(dynamodb, TABLE).record,
			observeUnrecorded: ignore,
			deadlineMs: settings.deadlineMs,
			resendAfterMs: settings.resendAfterMs,
		},
		coverage: {
			...shared,
			apiUrl: API_URL,
			listObjects,
			sendToTopic,
			requestQueue: queue,
			listInstances: async () =>
				[...world.backups.keys()].map((instanceNo) => ({ instanceNo, name: instanceNo, isThere: true })),
			listBackups: ({ instanceNo }) =>
				step({
					service: 'ncp',
					name: `list backups of ${instanceNo}`,
					isRead: true,
					key: null,
					perform: () => world.listBackups(instanceNo),
					miss: () => {
						throw new ExportError('NCP_LATER', 'no answer')
					},
				}) as ReturnType<CoveragePorts['listBackups']>,
			sendMessages: (bodies) =>
				fallible('queue', `send ${bodies.length} checks`, 'QUEUE_UNAVAILABLE', () => {
					for (const body of bodies) world.send({ id: nextId(), queue: 'coverage', body, attributes: {} })
				}),
		},
	}
}

/** `operation`: each operation of DynamoDB is a step. `request`: each call of the ledger is one, with all that belongs to it. */
export type Grain = 'operation' | 'request'

function createTable(world: World, { step }: Process, actor: Actor, grain: Grain) {
	const take = (name: string, key: string | null, isRead: boolean, perform: () => unknown) =>
		step({
			service: 'table',
			name: `${name} ${key?.slice(0, 24) ?? ''}`,
			key,
			isRead,
			perform,
			miss: () => {
				throw grain === 'request'
					? new ExportError('LEDGER_UNAVAILABLE', 'no answer')
					: new AwsError('ECONNRESET')
			},
		})
	const dynamodb: DynamoDb = (operation, request) => {
		const isRead = operation === 'GetItem' || operation === 'Query'
		const key = operation === 'Query' ? null : toKey(request)
		return take(operation, key, isRead, () =>
			world.useTable(operation, request, actor),
		) as Promise<TableAnswer>
	}
	const atOnce: DynamoDb = async (operation, request) => world.useTable(operation, request, actor)
	const used = grain === 'operation' ? dynamodb : atOnce
	const ledger = createExportsTable(used, TABLE)
	const destinations = createDestinations(used, TABLE, API_URL, world.settings.destinationRule)
	if (grain === 'operation') return { dynamodb, ledger, destinations }
	return { dynamodb, ledger: toSteps(ledger, take), destinations: toDestinationSteps(destinations, take) }
}

type Take = (name: string, key: string | null, isRead: boolean, perform: () => unknown) => Promise<unknown>

function toSteps(ledger: Ledger, take: Take): Ledger {
	return {
		read: (key) => take('read', key, true, () => ledger.read(key)) as ReturnType<Ledger['read']>,
		replace: ((previous, next, nowMs) =>
			take('replace', next.exportKey, false, () =>
				ledger.replace(previous, next, nowMs),
			)) as Ledger['replace'],
		expireAt: (entry, atMs) =>
			take('expireAt', entry.exportKey, false, () => ledger.expireAt(entry, atMs)) as Promise<boolean>,
	}
}

function toDestinationSteps(destinations: Destinations, take: Take): Destinations {
	const { rule } = destinations
	const keyOf = (request: ExportRequest): string =>
		DESTINATION_PREFIX + toDestination(API_URL, request, rule).key
	return {
		rule,
		take: async (request, askedBy, nowMs) => {
			const key = keyOf(request)
			const perform = () => destinations.take(request, askedBy, nowMs)
			const taking = (await take('take', key, false, perform)) as Taking
			if (taking.kind === 'held') return taking
			return { ...taking, undo: () => take('undo', key, false, taking.undo) as Promise<void> }
		},
		holder: (request, nowMs) =>
			take('holder', keyOf(request), true, () => destinations.holder(request, nowMs)) as Promise<
				string | null
			>,
		giveBack: (request, ...rest) =>
			take('give back', keyOf(request), false, () =>
				destinations.giveBack(request, ...rest),
			) as Promise<void>,
		namesakes: (...args) =>
			take('namesakes', null, true, () => destinations.namesakes(...args)) as Promise<Namesakes>,
	}
}

type Fallible = (
	service: Call['service'],
	name: string,
	code: 'PUBLISH_FAILED' | 'SCHEDULE_FAILED' | 'QUEUE_UNAVAILABLE',
	perform: () => void,
) => Promise<void>

function createSteps({ step }: Process): { step: Step; fallible: Fallible } {
	const fallible: Fallible = async (service, name, code, perform) => {
		const miss = (): never => {
			throw new ExportError(code, 'no answer')
		}
		await step({ service, name, key: null, isRead: false, perform, miss })
	}
	return { step, fallible }
}

/** The attributes are those of lib/aws/sqs.ts. */
function createQueue(world: World, fallible: Fallible, nextId: () => string): RequestQueue {
	const use = (name: string, perform: () => void) => fallible('queue', name, 'QUEUE_UNAVAILABLE', perform)
	return {
		send: (body, { isRedriven, coveragePolicy, trigger }) =>
			use('send a request', () => {
				const attributes = {
					...(isRedriven ? { [REDRIVEN_FROM]: trigger.id } : {}),
					...(coveragePolicy === undefined ? {} : { [COVERAGE_POLICY]: coveragePolicy }),
				}
				world.send({ id: nextId(), queue: 'requests', body, attributes })
			}),
		hide: (receiptHandle, seconds) =>
			use(`hide ${receiptHandle}`, () => {
				if (world.messages.get(receiptHandle)?.isDead === false) world.hide(receiptHandle, seconds)
			}).then(() => null, toExportError),
		deadLetter: (body, { trigger }, { code }) =>
			use('copy to the dead letters', () => {
				const attributes = { errorCode: code, originalMessageId: trigger.id }
				world.send({ id: nextId(), queue: 'requests', body, attributes }, 0, true)
			}),
	}
}

function toKey({ Item, Key }: TableRequest): string {
	return String((Item ?? Key)?.exportKey ?? '')
}

function toId({ message }: TopicMessage): string {
	return /"id":"([^"]*)"/.exec(message)?.[1] ?? ''
}
