import type { TableAnswer, TableRequest } from '../../lib/aws/dynamodb.ts'
import { AwsError } from '../../lib/aws-error.ts'
import { readReply, toLostReply } from '../../lib/ncp/read-reply.ts'
import type { ArrivedObject } from '../../lib/outcome/outcome.ts'
import type { ListedBackup, Listing, TopicMessage } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { REDRIVEN_FROM } from '../../lib/request/message-attributes.ts'
import { Judge } from './judge.ts'
import { type Item, MemoryTable, type Operation } from './memory-table.ts'
import type { QueueName, Settings } from './settings.ts'

/** A message, until it is acknowledged. */
export interface Message {
	id: string
	queue: QueueName
	body: string
	attributes: Readonly<Record<string, string>>
	sentAtMs: number
	visibleAtMs: number
	receives: number
	/** A dead letter. */
	isDead: boolean
}

/** One delivery at work, as the world sees it: what it was given, and what it has written. */
export interface Actor {
	name: string
	kind: 'export' | 'check' | 'coverage'
	startedAtMs: number
	/** Of an export. */
	request: ExportRequest | null
	/** A coverage check asked for the export. */
	isForCoverage: boolean
	/** The export that it works on: from the check that it was given, or from what it wrote to the table. */
	exportId: string | null
	/** Whether the export's object was there each time that this one listed the bucket; null before. */
	wasThere: boolean | null
	/** Counts what it makes, for names that are the same in every run. */
	made: number
}

/** Bytes in a bucket: which backup of which instance they are of, and by which call they came there. */
export interface Bytes {
	etag: string
	bucketName: string
	key: string
	instanceNo: string
	fileName: string
	exportId: string
	atMs: number
}

/** A copy that NCP has begun. */
export type Copy = readonly Omit<Bytes, 'atMs'>[]

export interface Backup {
	fileName: string
	startedAtMs: number
	endedAtMs: number
}

const replyWith = (httpStatus: number, body: object): Reply =>
	Object.freeze(readReply({ httpStatus, headers: {}, body: JSON.stringify(body) }))

/** What NCP can answer, read by the real parser. */
export const REPLIES = {
	accepted: replyWith(200, { exportBackupToObjectStorageResponse: { requestId: 'r', returnCode: 0 } }),
	refused: replyWith(400, { responseError: { returnCode: 5001017, returnMessage: 'no such backup' } }),
	later: replyWith(503, { error: { errorCode: 900, message: 'maintenance' } }),
	lost: Object.freeze(toLostReply(true, 'ECONNRESET')),
}

/** All that is outside the functions. Every method takes effect at once; what may go wrong is the driver's business. */
export class World {
	nowMs: number
	readonly settings: Settings
	readonly table: MemoryTable
	readonly judge: Judge
	readonly messages = new Map<string, Message>()
	readonly topic = new Map<string, string>()
	readonly backups = new Map<string, Backup[]>()
	readonly buckets = new Map<string, Map<string, Bytes>>()
	/** The driver decides when a copy lands, if ever. */
	onCopy: (copy: Copy) => void = () => undefined
	/** A message was sent, or hidden. */
	onMessage: (message: Message) => void = () => undefined
	isInMaintenance = false
	/** Items of the table that somebody removes at some time, or never. */
	readonly held: string[] = []
	/** The writer's name for each revision in the table, which is random. */
	readonly revisions = new Map<string, string>()

	constructor(settings: Settings) {
		this.settings = settings
		this.nowMs = settings.startMs
		this.table = new MemoryTable(settings.indexLagMs)
		this.judge = new Judge(this)
	}

	/** Throws `AwsError` for a condition that does not hold. */
	useTable(operation: Operation, request: TableRequest, actor: Actor): TableAnswer {
		const answer = this.table.apply(operation, request, this.nowMs)
		if (operation === 'PutItem') this.#onPut(request.Item as Item, actor)
		return answer
	}

	#onPut(item: Item, actor: Actor): void {
		const revision = String(item.revision)
		if (!this.revisions.has(revision)) this.revisions.set(revision, `${actor.name}~${++actor.made}`)
		this.judge.onPut(item, actor)
	}

	publish({ message }: TopicMessage, actor: Actor): void {
		const id = this.judge.onPublish(message, actor)
		this.topic.set(id, message)
	}

	/** NCP's answer to the export action. */
	call(request: ExportRequest, actor: Actor): Reply {
		if (this.isInMaintenance) return REPLIES.later
		const backups = this.backups.get(request.instanceNo) ?? []
		const isThere = backups.some(
			({ fileName, endedAtMs }) => fileName === request.fileName && endedAtMs <= this.nowMs,
		)
		if (!isThere) return REPLIES.refused
		const exportId = this.judge.onPerformed(request, actor)
		this.onCopy(this.#toCopy(request, exportId, `${actor.name}.${++actor.made}`))
		return REPLIES.accepted
	}

	#toCopy(
		{ instanceNo, fileName, bucketName, folderPath }: ExportRequest,
		exportId: string,
		id: string,
	): Copy {
		const naming = this.settings.naming
		const ownFolder = naming === 'instance' ? `${instanceNo}/` : ''
		const folder = naming === 'ignores-folder' ? '' : (folderPath ?? ownFolder)
		const endings = naming === 'ending' ? ['.tar.gz'] : naming === 'parts' ? ['_1', '_2'] : ['']
		return endings.map((ending) => ({
			etag: `${id}${ending}`,
			bucketName,
			key: folder + fileName + ending,
			instanceNo,
			fileName,
			exportId,
		}))
	}

	land(copy: Copy): void {
		for (const each of copy) {
			const bucket = this.buckets.get(each.bucketName) ?? new Map<string, Bytes>()
			const bytes = { ...each, atMs: this.nowMs }
			this.buckets.set(each.bucketName, bucket.set(each.key, bytes))
			this.judge.onLanded(bytes)
		}
	}

	/** Somebody removes an object. */
	remove(bucketName: string, key: string): void {
		this.buckets.get(bucketName)?.delete(key)
		this.judge.onRemoved(bucketName, key)
	}

	list(bucketName: string, prefix: string, actor: Actor): Listing {
		const objects: ArrivedObject[] = []
		for (const bytes of this.buckets.get(bucketName)?.values() ?? [])
			if (bytes.key.startsWith(prefix)) objects.push(toArrived(bytes))
		this.judge.onListed(bucketName, actor)
		return { kind: 'listed', objects, isWhole: true }
	}

	listBackups(instanceNo: string): ListedBackup[] {
		const listed = this.backups.get(instanceNo) ?? []
		return listed
			.filter(({ startedAtMs }) => startedAtMs <= this.nowMs)
			.map(({ fileName, startedAtMs, endedAtMs }) => ({
				fileName,
				startedAtMs,
				endedAtMs: endedAtMs <= this.nowMs ? endedAtMs : null,
				sizeBytes: 1,
			}))
	}

	send(message: Pick<Message, 'id' | 'queue' | 'body' | 'attributes'>, delayMs = 0, isDead = false): void {
		const sent = { ...message, sentAtMs: this.nowMs, visibleAtMs: this.nowMs + delayMs, receives: 0, isDead }
		this.messages.set(sent.id, sent)
		this.onMessage(sent)
	}

	/** A message that was received often enough becomes a dead letter instead: then false. */
	receive(message: Message): boolean {
		if (message.receives >= this.settings.maxReceives[message.queue]) {
			message.isDead = true
			return false
		}
		message.receives++
		message.visibleAtMs = this.nowMs + this.settings.visibilityMs
		this.onMessage(message)
		return true
	}

	/** Throws `AwsError` for a message that is not there any more. */
	hide(id: string, seconds: number): void {
		const message = this.messages.get(id)
		if (message === undefined) throw new AwsError('ReceiptHandleIsInvalid')
		message.visibleAtMs = this.nowMs + seconds * 1000
		this.onMessage(message)
	}

	acknowledge(id: string): void {
		if (this.messages.get(id)?.isDead === false) this.messages.delete(id)
	}
}

function toArrived({ key, etag, atMs }: Bytes): ArrivedObject {
	return { key, size: 1, etag, lastModified: new Date(atMs).toISOString() }
}

/** An operator sends dead letters again, all but rejected requests. Returns one of them. */
export function redrive(world: World): Message | undefined {
	let last: Message | undefined
	for (const message of [...world.messages.values()]) {
		if (!message.isDead || isFinal(message)) continue
		world.messages.delete(message.id)
		const id = `${message.id}r`
		const { queue, body } = message
		world.send({ id, queue, body, attributes: { ...message.attributes, [REDRIVEN_FROM]: message.id } })
		last = world.messages.get(id)
	}
	return last
}

/** A rejected request stays a dead letter, and a coverage check is made anew by the next sweep. */
export function isFinal({ isDead, queue, attributes }: Message): boolean {
	return isDead && (queue === 'coverage' || attributes.errorCode !== undefined)
}
