import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import type { Item } from './memory-table.ts'
import { DAY_MS, HOUR_MS } from './settings.ts'
import { type Actor, type Bytes, isFinal, type World } from './world.ts'

/** Coverage remembers a completed export for so long. docs/coverage.md. */
const COVERED_MS = 35 * DAY_MS

/** Somebody's wish that a backup be exported, which must not be lost. */
export interface Order {
	request: ExportRequest
	orderedAtMs: number
}

/** Bytes, and until when they were there. */
interface Past {
	bytes: Bytes
	untilMs: number
}

/** One backup to one place under one idempotency key: what may be performed once. */
interface Pledge {
	performed: number
	/** When the last word on its export reached the topic for the first time. */
	endedAtMs: number | null
	/** Until then, a copy that coverage asked for is not made again. */
	coveredUntilMs: number
}

/**
 * Asks the world whether the promises of docs/correctness.md hold: what NCP performed, what lies in the bucket, what reached
 * the topic. Of the product it believes nothing; what it writes to the table only says which export a delivery works on.
 */
export class Judge {
	/** What was broken, in words. */
	readonly violations: string[] = []
	readonly #world: World
	readonly #pledges = new Map<string, Pledge>()
	/** The pledge that each export belongs to. */
	readonly #pledgeOf = new Map<string, Pledge>()
	/** By export, how often NCP performed it. */
	readonly #performed = new Map<string, number>()
	/** Every outcome that was stored, by id, with its export. */
	readonly #settled = new Map<string, string>()
	/** By export, the last words that reached the topic. */
	readonly #lastWords = new Map<string, Set<string>>()
	/** By export, when it last began to wait for its object. */
	readonly #openedAtMs = new Map<string, number>()
	readonly #forCoverage = new Set<string>()
	readonly #past = new Map<string, Past[]>()

	constructor(world: World) {
		this.#world = world
	}

	#accuse(what: string): void {
		this.violations.push(what)
	}

	onPerformed(request: ExportRequest, actor: Actor): string {
		const { nowMs, settings } = this.#world
		const exportId = actor.exportId ?? 'nobody'
		const pledge = this.#pledgeOf.get(exportId)
		if (pledge === undefined) {
			this.#accuse(`${describe(request)} was sent to NCP without a claim`)
			return exportId
		}
		this.#performed.set(exportId, (this.#performed.get(exportId) ?? 0) + 1)
		if (actor.kind === 'check') this.#openedAtMs.set(exportId, nowMs)
		const { endedAtMs } = pledge
		if (endedAtMs !== null && nowMs >= endedAtMs + settings.deduplicationMs - settings.slackMs) {
			pledge.performed = 0
			pledge.endedAtMs = null
		}
		pledge.performed++
		const allowed = this.#world.topic.has(`${exportId}/unknown`) ? 2 : 1
		if (pledge.performed > allowed)
			this.#accuse(`NCP performed ${describe(request)} ${pledge.performed} times, and ${allowed} is allowed`)
		if (nowMs < pledge.coveredUntilMs - settings.slackMs)
			this.#accuse(`NCP performed ${describe(request)} again within 35 days of its completion`)
		return exportId
	}

	onLanded(bytes: Bytes): void {
		const place = `${bytes.bucketName}/${bytes.key}`
		this.onRemoved(bytes.bucketName, bytes.key)
		const past = this.#past.get(place) ?? []
		past.push({ bytes, untilMs: Number.POSITIVE_INFINITY })
		this.#past.set(place, past)
	}

	onRemoved(bucketName: string, key: string): void {
		const last = this.#past.get(`${bucketName}/${key}`)?.at(-1)
		if (last !== undefined && last.untilMs > this.#world.nowMs) last.untilMs = this.#world.nowMs
	}

	onListed(bucketName: string, actor: Actor): void {
		if (actor.kind !== 'check') return
		const bytes = [...(this.#world.buckets.get(bucketName)?.values() ?? [])]
		const isThere = bytes.some(({ exportId }) => exportId === actor.exportId)
		actor.wasThere = isThere && actor.wasThere !== false
	}

	/** An item was written. */
	onPut({ exportId, fingerprint, event }: Item, actor: Actor): void {
		// Destinations and completions have none.
		if (fingerprint === undefined || typeof exportId !== 'string') return
		actor.exportId = exportId
		if (actor.request !== null && !this.#pledgeOf.has(exportId))
			this.#pledgeOf.set(exportId, this.#pledgeFor(actor.request))
		if (actor.isForCoverage) this.#forCoverage.add(exportId)
		if (typeof event === 'string') this.#onOutcome(JSON.parse(event), actor)
	}

	#pledgeFor(request: ExportRequest): Pledge {
		const key = describe(request)
		const pledge = this.#pledges.get(key) ?? { performed: 0, endedAtMs: null, coveredUntilMs: 0 }
		this.#pledges.set(key, pledge)
		return pledge
	}

	/** An outcome was stored. */
	#onOutcome({ id, data }: OutcomeEvent, actor: Actor): void {
		if (this.#settled.has(id) || data.exportId === null) return
		this.#settled.set(id, data.exportId)
		const performed = this.#performed.get(data.exportId) ?? 0
		switch (data.state) {
			case 'accepted':
				if (performed === 0) this.#accuse(`${id}: NCP did not perform it`)
				this.#openedAtMs.set(data.exportId, this.#world.nowMs)
				break
			case 'unknown':
				this.#openedAtMs.set(data.exportId, this.#world.nowMs)
				break
			case 'refused':
			case 'exhausted':
				if (performed > 0) this.#accuse(`${id}: NCP performed it`)
				break
			case 'completed':
				this.#checkCompleted(id, data)
				break
			case 'missing':
				this.#checkMissing(id, data.exportId, actor)
		}
	}

	#checkCompleted(id: string, { request, object }: OutcomeEvent['data']): void {
		const place = `${request?.bucketName}/${object?.key}`
		const seen = this.#past.get(place)?.find(({ bytes }) => bytes.etag === object?.etag)?.bytes
		const isOurs =
			seen?.instanceNo === request?.cloudPostgresqlInstanceNo && seen?.fileName === request?.fileName
		if (seen === undefined || !isOurs)
			this.#accuse(
				`${id}: ${place} held ${seen === undefined ? 'no such bytes' : `bytes of ${seen.instanceNo}`}`,
			)
	}

	#checkMissing(id: string, exportId: string, { wasThere }: Actor): void {
		const { nowMs, settings } = this.#world
		if (wasThere !== false) this.#accuse(`${id}: the object was there, or nobody looked`)
		const deadlineMs = (this.#openedAtMs.get(exportId) ?? nowMs) + settings.deadlineMs
		if (nowMs < deadlineMs - settings.slackMs)
			this.#accuse(`${id}: ${Math.round((deadlineMs - nowMs) / 1000)} s before the deadline`)
	}

	/** Returns the event's id. */
	onPublish(text: string, actor: Actor): string {
		const event = JSON.parse(text) as OutcomeEvent | CoverageEvent
		if (event.type === 'ncp.backup.coverage.v1') this.#checkCoverage(event as CoverageEvent, actor)
		else this.#onPublished(event as OutcomeEvent, text)
		return event.id
	}

	#onPublished({ id, data }: OutcomeEvent, text: string): void {
		const before = this.#world.topic.get(id)
		if (before === text) return
		if (before !== undefined) this.#accuse(`${id} was published with two contents`)
		if (!data.terminal || data.exportId === null) return
		const words = this.#lastWords.get(data.exportId) ?? new Set()
		this.#lastWords.set(data.exportId, words.add(id))
		if (words.size > 1) this.#accuse(`two last words: ${[...words].join(' and ')}`)
		const pledge = this.#pledgeOf.get(data.exportId)
		if (pledge === undefined) return
		pledge.endedAtMs = this.#world.nowMs
		if (data.state === 'completed' && this.#forCoverage.has(data.exportId))
			pledge.coveredUntilMs = this.#world.nowMs + COVERED_MS
	}

	/** Every finished backup is there, or the event says that it is not. */
	#checkCoverage({ id, data }: CoverageEvent, { startedAtMs }: Actor): void {
		const { bucketName, instanceNo, state, backups: rows } = data
		for (const { fileName, state: rowState, key } of rows)
			if (rowState === 'covered' && !this.#wasAt(`${bucketName}/${key}`, instanceNo, fileName, startedAtMs))
				this.#accuse(`${id}: ${fileName} is not at ${key}`)
		const { slackMs } = this.#world.settings
		for (const { fileName, endedAtMs } of this.#world.backups.get(instanceNo) ?? []) {
			const isDue = endedAtMs + COVERAGE_GRACE_MS + slackMs <= startedAtMs
			const isOut = [...this.#past.keys()].some((place) =>
				this.#wasAt(place, instanceNo, fileName, startedAtMs),
			)
			const isGone = rows.some((row) => row.fileName === fileName && row.state === 'gone')
			if (isDue && !isOut && state !== 'behind' && !isGone)
				this.#accuse(`${id}: ${fileName} is not out, and nobody is told`)
		}
	}

	/** Whether a backup's bytes were at a place at some time since then. */
	#wasAt(place: string, instanceNo: string, fileName: string, sinceMs: number): boolean {
		const past = this.#past.get(place) ?? []
		return past.some(
			({ bytes, untilMs }) =>
				bytes.instanceNo === instanceNo && bytes.fileName === fileName && untilMs >= sinceMs,
		)
	}

	/** What must be true once nothing is left to do. */
	onEnd(orders: readonly Order[]): void {
		for (const [id, exportId] of this.#settled) {
			if (!this.#world.topic.has(id)) this.#accuse(`${id} was stored, and never reached the topic`)
			if (!this.#lastWords.has(exportId)) this.#accuse(`${exportId} has no last word`)
		}
		for (const exportId of this.#performed.keys())
			if (!this.#lastWords.has(exportId)) this.#accuse(`${exportId} was performed, and has no last word`)
		for (const message of this.#world.messages.values())
			if (!isFinal(message)) this.#accuse(`message ${message.id} is left over`)
		const answers = this.#answers()
		for (const { request } of orders)
			if (!answers.has(describe({ ...request, idempotencyKey: undefined })))
				this.#accuse(`nobody was told how ${describe(request)} ended`)
	}

	/** The same for judges that will judge alike. */
	signature(): string {
		return JSON.stringify([
			[...this.#pledges],
			[...this.#performed],
			[...this.#settled.keys()],
			[...this.#lastWords.values()].map((words) => [...words]),
			[...this.#openedAtMs],
			[...this.#past.values()],
		])
	}

	/** The requests about which a last word reached the topic. */
	#answers(): Set<string> {
		const answers = new Set<string>()
		for (const text of this.#world.topic.values()) {
			const { data } = JSON.parse(text) as OutcomeEvent
			const request = data.request ?? toRequest(data.original)
			if (data.terminal && request != null) {
				const { cloudPostgresqlInstanceNo: instanceNo = '', fileName, bucketName, folderPath } = request
				answers.add(describe({ product: 'postgresql', instanceNo, fileName, bucketName, folderPath }))
			}
		}
		return answers
	}
}

/** Of all policies in these worlds. */
export const COVERAGE_GRACE_MS = HOUR_MS

function toRequest(original: string | undefined): OutcomeEvent['data']['request'] {
	return original === undefined ? null : JSON.parse(original)
}

function describe({
	instanceNo,
	fileName,
	bucketName,
	folderPath = '',
	idempotencyKey,
}: ExportRequest): string {
	const key = idempotencyKey === undefined ? '' : ` under the key ${idempotencyKey}`
	return `${fileName} of ${instanceNo} to ${bucketName}/${folderPath}${key}`
}
