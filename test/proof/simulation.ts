import { type Delivery, toDelivery } from '../../lib/request/delivery.ts'
import { Driver } from './driver.ts'
import {
	onArrivalCheck,
	onCoverageCheck,
	onHttpRequest,
	onPipelineEvent,
	onQueueMessage,
	readMessage,
	toActor,
	toExporter,
} from './functions.ts'
import type { Order } from './judge.ts'
import { type Call, createPorts, type Ports, type Process } from './ports.ts'
import { createRandom, digest, type Random } from './random.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, NAMINGS, type Settings } from './settings.ts'
import { type Actor, type Copy, type Message, REPLIES, redrive, World } from './world.ts'

/** What one simulation found. */
export interface Simulated {
	/** Steps of all functions together. */
	steps: number
	/** Stands for everything that happened, in its order. */
	digest: string
	counts: Readonly<Record<string, number>>
	/** What was broken first, and what happened just before it; null when nothing was. */
	failure: { violations: readonly string[]; lastSteps: readonly string[] } | null
}

export interface SimulationOptions {
	seed: number
	exports: number
	/** Gets each line of the trace. */
	onLine?: (line: string) => void
}

const SPAN_MS = 2 * DAY_MS
/** After the last request, faults are over, and everything must come to its end. */
const CALM_MS = 12 * HOUR_MS
const REDRIVE_MS = 6 * HOUR_MS
const SWEEP_MS = 2 * HOUR_MS
const FUNCTION_MS = 25_000
const INSTANCES = 400
const COVERED = Array.from({ length: 8 }, (_, index) => String(9_001 + index))

const LATENCIES_MS: Readonly<Record<Call['service'], readonly [number, number]>> = {
	table: [2, 10],
	topic: [5, 30],
	ncp: [50, 2_000],
	bucket: [10, 100],
	queue: [3, 20],
}

/** Of each step. */
const KILL = 0.002
const LOSS = 0.004
const STALL = 0.000_3
const NCP_LATER = 0.02
/** A copy that NCP has begun never lands. */
const NEVER = 0.01

/** Hours in which a service is down, by the time since the start. */
const OUTAGES: readonly { service: Call['service'] | 'maintenance'; fromMs: number; untilMs: number }[] = [
	{ service: 'maintenance', fromMs: 8 * HOUR_MS, untilMs: 10 * HOUR_MS },
	{ service: 'topic', fromMs: 20 * HOUR_MS, untilMs: 22 * HOUR_MS },
	{ service: 'bucket', fromMs: 27 * HOUR_MS, untilMs: 28 * HOUR_MS },
	{ service: 'table', fromMs: 33 * HOUR_MS, untilMs: 33.2 * HOUR_MS },
]

const KEPT_LINES = 40

/** All functions, for two days, with what goes wrong decided by the seed. */
export class Simulation {
	readonly #options: SimulationOptions
	readonly #random: Random
	readonly #world: World
	readonly #driver: Driver
	readonly #startMs: number
	readonly #orders: Order[] = []
	readonly #bodies: string[] = []
	readonly #lines: string[] = []
	readonly #counts: Record<string, number> = {}
	#digest = 0
	#steps = 0
	#isCalm = false

	constructor(options: SimulationOptions) {
		this.#options = options
		this.#random = createRandom(options.seed)
		const settings = toSettings(this.#random)
		this.#startMs = settings.startMs
		this.#world = new World(settings)
		this.#driver = new Driver(settings.startMs)
		this.#world.onCopy = (copy) => this.#copy(copy)
		this.#world.onMessage = (message) => this.#onMessage(message)
	}

	async run(): Promise<Simulated> {
		const driver = this.#driver
		for (let nth = 0; nth < this.#options.exports; nth++) this.#plan(nth)
		this.#planCoverage()
		for (const { service, fromMs, untilMs } of OUTAGES)
			if (service === 'maintenance') {
				this.#at(fromMs, () => this.#setMaintenance(true))
				this.#at(untilMs, () => this.#setMaintenance(false))
			}
		this.#at(SPAN_MS, () => {
			this.#isCalm = true
		})
		for (let ms = REDRIVE_MS; ms <= SPAN_MS + CALM_MS; ms += REDRIVE_MS) this.#at(ms, () => this.#redrive())
		const { judge } = this.#world
		await driver.run(() => judge.violations.length > 0)
		if (judge.violations.length === 0) judge.onEnd(this.#orders)
		const failure =
			judge.violations.length === 0 ? null : { violations: judge.violations, lastSteps: this.#lines }
		return {
			steps: this.#steps,
			digest: this.#digest.toString(16).padStart(14, '0'),
			counts: this.#counts,
			failure,
		}
	}

	#at(sinceStartMs: number, take: () => void): void {
		this.#driver.at(this.#startMs + sinceStartMs, () => {
			this.#world.nowMs = this.#driver.nowMs
			take()
		})
	}

	#after(ms: number, take: () => void): void {
		this.#at(this.#driver.nowMs - this.#startMs + ms, take)
	}

	#trace(what: string): void {
		const line = `${this.#driver.nowMs - this.#startMs} ${what}`
		this.#digest = digest(`${this.#digest} ${line}`)
		this.#options.onLine?.(line)
		this.#lines.push(line)
		if (this.#lines.length > KEPT_LINES) this.#lines.shift()
	}

	#count(name: string): void {
		this.#counts[name] = (this.#counts[name] ?? 0) + 1
	}

	/** The nth request, which the seed and its number decide: fewer exports are a prefix. */
	#plan(nth: number): void {
		const random = createRandom(digest(`${this.#options.seed} ${nth}`))
		const isRepeat = nth > 0 && random.chance(0.1)
		const atMs = random.next() * (SPAN_MS - HOUR_MS)
		this.#at(atMs, () => {
			const body = (isRepeat ? random.pick(this.#bodies) : undefined) ?? this.#ask(nth, random)
			this.#bodies.push(body)
			this.#send(nth, body, random)
			// A sender that is not sure sends at once again.
			if (random.chance(0.05)) this.#after(random.below(3_000), () => this.#send(nth, body, random, 'b'))
		})
	}

	/** A request that nobody has sent yet. */
	#ask(nth: number, random: Random): string {
		const world = this.#world
		const instanceNo = String(1 + random.below(INSTANCES))
		const isStray = random.chance(0.02)
		const fileName = `2026${1_000 + (isStray ? random.below(5) : nth)}`
		const hasFolder = random.chance(0.6)
		const bucketName = hasFolder || isStray ? 'shared' : `own-${instanceNo}`
		const request = {
			product: 'postgresql' as const,
			instanceNo,
			fileName,
			bucketName,
			...(hasFolder ? { folderPath: `${instanceNo}/` } : {}),
			...(random.chance(0.03) ? { idempotencyKey: `key-${nth}` } : {}),
		}
		if (!random.chance(0.02)) {
			const endedAtMs = world.nowMs - HOUR_MS
			const known = world.backups.get(instanceNo) ?? []
			if (!known.some((each) => each.fileName === fileName))
				known.push({ fileName, startedAtMs: endedAtMs - 10 * MINUTE_MS, endedAtMs })
			world.backups.set(instanceNo, known)
		}
		this.#orders.push({ request, orderedAtMs: world.nowMs })
		const { product: _product, instanceNo: cloudPostgresqlInstanceNo, ...rest } = request
		return JSON.stringify({ cloudPostgresqlInstanceNo, ...rest })
	}

	#send(nth: number, body: string, random: Random, again = ''): void {
		const id = `m${nth}${again}`
		const way = random.next()
		if (way < 0.7) this.#world.send({ id, queue: 'requests', body, attributes: {} })
		else this.#call(way < 0.85 ? 'webhook' : 'pipeline', id, body, way < 0.75)
	}

	/** A caller that calls again until it need not. */
	#call(kind: 'webhook' | 'pipeline', id: string, body: string, isAsync: boolean, tries = 1): void {
		const delivery = toDelivery(body, { kind, id: `${id}.${tries}` }, {})
		const again = (): void => {
			if (tries < 1_000) this.#after(MINUTE_MS, () => this.#call(kind, id, body, isAsync, tries + 1))
		}
		this.#invoke(toExporter(`${id}.${tries}`, delivery, this.#world), again, async (ports) => {
			const isDone =
				kind === 'webhook' ? onHttpRequest(delivery, isAsync, ports) : onPipelineEvent(delivery, ports)
			if (!(await isDone)) again()
		})
	}

	#planCoverage(): void {
		const policy = { name: 'nightly', bucketName: 'covered', instances: COVERED, graceHours: 1 }
		for (const instanceNo of COVERED) {
			const startedAtMs = this.#startMs + this.#random.below(DAY_MS)
			const backups = [0, 1].map((day) => ({
				fileName: `2026112${day}`,
				startedAtMs: startedAtMs + day * DAY_MS,
				endedAtMs: startedAtMs + day * DAY_MS + 10 * MINUTE_MS,
			}))
			this.#world.backups.set(instanceNo, backups)
		}
		for (let ms = SWEEP_MS; ms < SPAN_MS + 4 * HOUR_MS; ms += SWEEP_MS)
			this.#at(ms, () =>
				this.#world.send({
					id: `sweep-${ms / SWEEP_MS}`,
					queue: 'coverage',
					body: JSON.stringify({ policy, sweptAt: new Date(this.#world.nowMs).toISOString() }),
					attributes: {},
				}),
			)
	}

	#setMaintenance(isOn: boolean): void {
		this.#trace(`maintenance ${isOn ? 'begins' : 'ends'}`)
		this.#world.isInMaintenance = isOn
	}

	#redrive(): void {
		if (redrive(this.#world) !== undefined) {
			this.#count('redrives')
			this.#trace('an operator redrives the dead letters')
		}
	}

	#copy(copy: Copy): void {
		if (!this.#isCalm && this.#random.chance(NEVER)) return
		const delayMs = this.#random.chance(0.8)
			? this.#random.below(MINUTE_MS)
			: this.#random.below(15 * MINUTE_MS)
		this.#after(delayMs, () => this.#world.land(copy))
	}

	/** Delivers it when it is visible, if it is still as it was then. */
	#onMessage(message: Message): void {
		if (message.isDead) return
		const { visibleAtMs } = message
		this.#driver.at(visibleAtMs, () => {
			this.#world.nowMs = this.#driver.nowMs
			const isThere = this.#world.messages.get(message.id) === message
			if (isThere && !message.isDead && message.visibleAtMs === visibleAtMs) this.#deliver(message)
		})
	}

	#deliver(message: Message): void {
		const world = this.#world
		if (!world.receive(message)) {
			this.#count('dead letters')
			this.#trace(`${message.id} is a dead letter`)
			return
		}
		const name = `${message.id}/${message.receives}`
		const acknowledge = (): void => world.acknowledge(message.id)
		if (message.queue === 'requests') {
			const delivery: Delivery = readMessage(message, world)
			this.#invoke(toExporter(name, delivery, world), undefined, async (ports) => {
				await onQueueMessage(message, delivery, ports)
				acknowledge()
			})
			return
		}
		const actor = toActor(name, message.queue === 'arrivals' ? 'check' : 'coverage', world)
		if (actor.kind === 'check') actor.exportId = (JSON.parse(message.body) as { exportId: string }).exportId
		this.#invoke(actor, undefined, async (ports) => {
			if (actor.kind === 'check') await onArrivalCheck(message, ports, world)
			else await onCoverageCheck(message, ports)
			acknowledge()
		})
	}

	/** Runs a function. `onDeath` is what its caller does when no answer comes. */
	#invoke(actor: Actor, onDeath: (() => void) | undefined, work: (ports: Ports) => Promise<void>): void {
		this.#count(actor.kind)
		const process = this.#toProcess(actor, onDeath)
		work(createPorts(this.#world, process, actor, 'request')).catch((thrown: unknown) => {
			// The message is delivered again. A failure that nobody foresaw is a defect.
			if ((thrown as { code?: string }).code === 'INTERNAL')
				this.#world.judge.violations.push(`${actor.name} failed: ${String((thrown as Error).cause)}`)
		})
	}

	#toProcess(actor: Actor, onDeath: (() => void) | undefined): Process {
		const world = this.#world
		const random = this.#random
		const endsAtMs = world.nowMs + FUNCTION_MS
		const skewMs = !this.#isCalm && random.chance(0.05) ? random.below(2 * MINUTE_MS) - MINUTE_MS : 0
		let isDead = false
		const die = (): void => {
			isDead = true
			this.#count('killed')
			if (onDeath !== undefined) this.#after(FUNCTION_MS, onDeath)
		}
		return {
			now: () => world.nowMs + skewMs,
			leftMs: () => endsAtMs - world.nowMs,
			sleep: (ms) => new Promise((resolve) => this.#after(ms, () => resolve(undefined))),
			random: () => random.next(),
			step: (call) =>
				new Promise((resolve, reject) => {
					if (isDead) return
					const answer = (give: () => unknown): void => {
						try {
							Promise.resolve(give()).then(resolve, reject)
						} catch (error) {
							reject(error)
						}
					}
					const [leastMs, mostMs] = LATENCIES_MS[call.service]
					const isStalled = !this.#isCalm && random.chance(STALL)
					this.#after(leastMs + random.below(mostMs - leastMs) + (isStalled ? 90_000 : 0), () => {
						if (isDead) return
						this.#steps++
						const fate = this.#isCalm ? 'done' : this.#fateOf(call)
						this.#trace(`${actor.name} ${call.name}: ${fate}`)
						if (fate !== 'done') this.#count(`steps ${fate}`)
						if (fate === 'killed before') return die()
						if (fate === 'missed') return answer(call.miss)
						if (fate === 'later') return answer(() => REPLIES.later)
						if (fate === 'done') return answer(call.perform)
						attempt(call.perform)
						if (fate === 'killed after') die()
						else answer(call.miss)
					})
				}),
		}
	}

	#fateOf({ service, isRead }: Call): string {
		const sinceMs = this.#driver.nowMs - this.#startMs
		const isDown = OUTAGES.some(
			(each) => each.service === service && each.fromMs <= sinceMs && sinceMs < each.untilMs,
		)
		if (isDown) return 'missed'
		const random = this.#random
		const luck = random.next()
		if (luck < KILL) return random.chance(0.5) ? 'killed before' : 'killed after'
		if (luck < KILL + LOSS) return isRead || random.chance(0.5) ? 'missed' : 'lost'
		if (service === 'ncp' && !isRead && luck < KILL + LOSS + NCP_LATER) return 'later'
		return 'done'
	}
}

function toSettings(random: Random): Settings {
	return {
		startMs: Date.UTC(2026, 10, 23),
		deduplicationMs: DAY_MS,
		deadlineMs: 2 * HOUR_MS,
		resendAfterMs: HOUR_MS,
		destinationRule: 'exclusive',
		naming: random.pick(NAMINGS),
		slackMs: 4 * MINUTE_MS,
		visibilityMs: 150_000,
		maxReceives: { requests: 20, arrivals: 20, coverage: 9 },
		indexLagMs: 0,
	}
}

function attempt(perform: () => unknown): void {
	try {
		const value = perform()
		if (value instanceof Promise) value.catch(() => undefined)
	} catch {
		// Nobody waits for the answer.
	}
}
