import { DESTINATION_PREFIX } from '../../lib/aws/destinations.ts'
import { toExportError } from '../../lib/errors.ts'
import type { Delivery } from '../../lib/request/delivery.ts'
import { toDestination, toExportIdentity } from '../../lib/request/export-identity.ts'
import {
	onArrivalCheck,
	onCoverageCheck,
	onQueueMessage,
	readMessage,
	toActor,
	toExporter,
} from './functions.ts'
import type { Order } from './judge.ts'
import { API_URL, type Call, createPorts, type Grain, type Process } from './ports.ts'
import { digest } from './random.ts'
import type { Settings } from './settings.ts'
import { type Actor, type Copy, type Message, REPLIES, redrive, World } from './world.ts'

/** What is explored at most, in one scenario. */
export interface Bounds {
	/** Deliveries of request messages that may overlap; what is left then is delivered in turn, and nothing fails. */
	deliveries: number
	/** Arrival checks that may overlap. */
	checks: number
	/** Coverage checks that may overlap. */
	sweeps: number
	faults: number
}

/** A small world, and what happens in it. */
export interface Scenario {
	name: string
	settings: Settings
	bounds: Bounds
	/** Puts backups, objects and messages into the world. */
	prepare: (world: World) => Order[]
	grain: Grain
	/** A copy that NCP has begun lands at some time, or never. */
	landing: 'some time' | 'never'
}

/** What was explored. */
export interface Explored {
	/** Ways in which the steps can follow one another, with every fault. */
	interleavings: number
	/** Different states of the world and of all processes. */
	states: number
	/** Times that the world was started anew. */
	runs: number
	/** The steps that lead to the first broken promise, and what was broken; null when none was. */
	failure: { steps: readonly string[]; violations: readonly string[] } | null
}

/** What may be done next. */
interface Option {
	name: string
	take: () => void
}

interface Parked {
	live: Live
	call: Call
	/** Counts the calls of its process. */
	number: number
	answer: (result: unknown) => void
	reject: (error: unknown) => void
}

/** A process that has not ended. */
interface Live {
	actor: Actor
	messageId: string
	/** Stands for all answers that it has had, and so, with the calls that it waits for, for the state that it is in. */
	history: number
	calls: number
	answers: number
	/** What it reads or writes in the table; null when that may be anything. */
	keys: ReadonlySet<string> | null
	skewMs: number
	endsAtMs: number
}

/** Takes effect at any time, although nobody waits for it. */
interface Ghost {
	name: string
	/** Whether it makes a difference if it comes before or after this call. */
	matters: (call: Call) => boolean
	appear: () => void
}

/** A state on the way to the present one, and how many interleavings have been counted from there. */
interface Frame {
	signature: number
	choice: number
	width: number
	interleavings: number
}

const FUNCTION_MS = 25_000
/** Longer than a lease. */
const STALL_MS = 90_000
const SKEWS_MS = [60_000, -60_000]
/** More rounds than any message can need. */
const MAX_ROUNDS = 300
const MAX_REDRIVES = 3

const ACKNOWLEDGE = 'acknowledge'
const BOUNDS = { requests: 'deliveries', arrivals: 'checks', coverage: 'sweeps' } as const

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Explores every order of the steps of a scenario, with every combination of faults, depth first. A way that leads to a state
 * that was seen before is not followed again: the state of a process is what it has seen.
 */
export async function explore(scenario: Scenario): Promise<Explored> {
	const counted = new Map<number, number>()
	const frames: Frame[] = []
	let runs = 0
	for (;;) {
		runs++
		const run = new Run(scenario)
		let depth = 0
		let ways = 0
		for (;;) {
			await settled()
			const options = run.options()
			if (run.world.judge.violations.length > 0) return fail(run)
			let frame = frames[depth]
			if (frame === undefined) {
				const signature = run.signature()
				const known = counted.get(signature)
				if (known !== undefined) {
					ways = known
					break
				}
				if (options.length === 0) {
					await run.finish()
					if (run.world.judge.violations.length > 0) return fail(run)
					counted.set(signature, 1)
					ways = 1
					break
				}
				frame = { signature, choice: 0, width: options.length, interleavings: 0 }
				frames.push(frame)
			}
			const option = options[frame.choice]
			if (option === undefined || options.length !== frame.width)
				throw new Error(`${scenario.name} does not repeat itself: it is not deterministic`)
			run.take(option)
			depth++
		}
		// Back to the last state with something left to try.
		for (let frame = frames.at(-1); ; frame = frames.at(-1)) {
			if (frame === undefined) return { interleavings: ways, states: counted.size, runs, failure: null }
			frame.interleavings += ways
			if (++frame.choice < frame.width) break
			counted.set(frame.signature, frame.interleavings)
			ways = frame.interleavings
			frames.pop()
		}
	}

	function fail({ steps, world }: Run): Explored {
		const interleavings = frames.reduce((sum, frame) => sum + frame.interleavings, 1)
		const failure = { steps, violations: world.judge.violations }
		return { interleavings, states: counted.size, runs, failure }
	}
}

/** One way through a scenario. */
class Run {
	readonly world: World
	readonly steps: string[] = []
	readonly #scenario: Scenario
	readonly #orders: Order[]
	readonly #live = new Set<Live>()
	#parked: Parked[] = []
	#ghosts: Ghost[] = []
	readonly #left: Bounds
	readonly #digests = new WeakMap<object, number>()
	readonly #texts = new Map<string, { text: string; digest: number }>()
	/**
	 * The messages that are there from the beginning. To start a delivery changes nothing yet, so theirs start first, and none
	 * of their steps is taken before. Only what moves the clock starts later.
	 */
	readonly #first = new Set<string>()
	#hasBegun = false
	#isCalm = false
	#redrives = 0

	constructor(scenario: Scenario) {
		this.#scenario = scenario
		this.#left = { ...scenario.bounds }
		this.world = new World(scenario.settings)
		this.world.onCopy = (copy) => this.#copy(copy)
		this.#orders = scenario.prepare(this.world)
		for (const { id, queue } of this.world.messages.values()) if (queue !== 'arrivals') this.#first.add(id)
		if (this.world.isInMaintenance)
			this.#ghosts.push({
				name: 'the maintenance ends',
				matters: ({ service }) => service === 'ncp',
				appear: () => {
					this.world.isInMaintenance = false
				},
			})
		for (const exportKey of this.world.held)
			this.#ghosts.push({
				name: `${exportKey} is given back`,
				matters: ({ key }) => key === exportKey,
				appear: () =>
					this.world.table.apply('DeleteItem', { TableName: '', Key: { exportKey } }, this.world.nowMs),
			})
	}

	#begin(): void {
		this.#hasBegun = true
	}

	#copy(copy: Copy): void {
		if (this.#isCalm && this.#scenario.landing === 'some time') this.world.land(copy)
		else if (this.#scenario.landing === 'some time')
			this.#ghosts.push({
				name: `${copy[0]?.etag} lands`,
				matters: isListing,
				appear: () => this.world.land(copy),
			})
	}

	take({ name, take }: Option): void {
		this.steps.push(name)
		take()
	}

	/**
	 * All that can happen next, always in the same order. When there is a step that touches nothing that another process can
	 * touch, too, its place in the order makes no difference: then only its fates.
	 */
	options(): Option[] {
		const starts = [...this.world.messages.values()].filter((message) => this.#mayStart(message))
		if (!this.#hasBegun) {
			const begin = { name: 'begin', take: () => this.#begin() }
			const isSpare = this.#left.faults > 0 || this.#left.sweeps > 0
			const first = starts.filter(({ id }) => this.#first.has(id)).flatMap((message) => this.#starts(message))
			if (first.length > 0) return isSpare && this.#live.size > 0 ? [begin, ...first] : first
			this.#hasBegun = true
		}
		const alone = this.#parked.find((parked) => this.#isAlone(parked, starts))
		if (alone !== undefined) return this.#fates(alone)
		const options = this.#parked.flatMap((parked) => this.#fates(parked))
		for (const ghost of this.#ghosts)
			if (this.#parked.some(({ call }) => ghost.matters(call)))
				options.push({
					name: ghost.name,
					take: () => {
						this.#ghosts = this.#ghosts.filter((each) => each !== ghost)
						ghost.appear()
					},
				})
		for (const message of starts) options.push(...this.#starts(message))
		return options
	}

	/** Nobody reads the topic, and a message that is sent can be delivered at any time later. */
	#isAlone({ live, call }: Parked, starts: readonly Message[]): boolean {
		const { service, name, key } = call
		if (service === 'topic') return true
		if (service === 'queue') return name !== ACKNOWLEDGE || starts.every(({ id }) => id !== live.messageId)
		if (service === 'ncp') return !this.#ghosts.some((ghost) => ghost.matters(call))
		if (service !== 'table' || key === null || this.#ghosts.some((ghost) => ghost.matters(call))) return false
		const others = [...this.#live].filter((each) => each !== live).map(({ keys }) => keys)
		const all = [...others, ...starts.map((message) => this.#keysOf(message))]
		return all.every((keys) => keys !== null && !keys.has(key))
	}

	/** The items that a delivery reads and writes. A check looks at those of other exports, too. */
	#keysOf(message: Message): ReadonlySet<string> | null {
		if (message.queue !== 'requests') return null
		return keysOf(this.#read(message))
	}

	#fault(name: string, take: () => void): Option {
		return {
			name: `FAULT ${name}`,
			take: () => {
				this.#left.faults--
				take()
			},
		}
	}

	#fates(parked: Parked): Option[] {
		const { call, live } = parked
		const name = `${live.actor.name}: ${call.name}`
		const leave = (): void => {
			this.#parked = this.#parked.filter((each) => each !== parked)
		}
		const give = (how: string, result: () => unknown): void => {
			leave()
			this.#resume(parked, how, result)
		}
		const die = (): void => {
			this.#parked = this.#parked.filter((each) => each.live !== live)
			this.#live.delete(live)
		}
		const options: Option[] = [{ name, take: () => give('done', call.perform) }]
		if (this.#left.faults === 0) return options
		// Later on, it is the same as killed after the step before.
		if (live.answers === 0) options.push(this.#fault(`${name}: killed before`, die))
		// What is not answered, and changes nothing, is the same whether it was done or not.
		options.push(this.#fault(`${name}: timed out`, () => give('missed', call.miss)))
		if (call.isRead) return options
		options.push(
			this.#fault(`${name}: killed after`, () => {
				attempt(call.perform)
				die()
			}),
			this.#fault(`${name}: answer lost`, () => {
				attempt(call.perform)
				give('missed', call.miss)
			}),
		)
		if (call.service === 'ncp')
			options.push(
				this.#fault(`${name}: done after the caller gave up`, () => {
					this.#ghosts.push({
						name: `${name}, at last`,
						matters: (other) => isListing(other) || other.service === 'ncp',
						appear: () => attempt(call.perform),
					})
					give('missed', call.miss)
				}),
				this.#fault(`${name}: told to come back later`, () => give('later', () => REPLIES.later)),
				this.#fault(`${name}: refused`, () => give('refused', () => REPLIES.refused)),
			)
		return options
	}

	/** Parsed once for all runs. */
	#read(message: Message): Delivery {
		const { id, receives, body, sentAtMs } = message
		const key = `${id} ${receives} ${sentAtMs} ${JSON.stringify(message.attributes)} ${body}`
		const known = deliveries.get(key) ?? readMessage(message, this.world)
		deliveries.set(key, known)
		return known
	}

	#mayStart(message: Message): boolean {
		return !message.isDead && this.#left[BOUNDS[message.queue]] > 0
	}

	#starts(message: Message): Option[] {
		const start = (skewMs: number): void => {
			this.#left[BOUNDS[message.queue]]--
			this.world.nowMs = Math.max(this.world.nowMs, message.visibleAtMs - this.world.settings.visibilityMs)
			void this.#deliver(message, skewMs)
		}
		const name = `deliver ${message.id}`
		const isLate = this.#hasBegun && this.#first.has(message.id)
		const options = isLate ? [] : [{ name, take: () => start(0) }]
		if (this.#left.faults > 0 && !isLate)
			for (const skewMs of SKEWS_MS)
				options.push(this.#fault(`${name}, with a clock ${skewMs / 1000} s off`, () => start(skewMs)))
		if (this.#left.faults > 0 && this.#hasBegun && this.#live.size > 0)
			options.push(
				this.#fault(`${name}, when the leases of all that live have run out`, () => {
					this.world.nowMs += STALL_MS
					start(0)
				}),
			)
		return options
	}

	/** Resolves when the function has ended, and rejects never. */
	#deliver(message: Message, skewMs: number): Promise<void> {
		const { world } = this
		// Whenever it is delivered, its delay is over.
		if (message.receives === 0) world.nowMs = Math.max(world.nowMs, message.visibleAtMs)
		if (!world.receive(message)) return Promise.resolve()
		const delivery = message.queue === 'requests' ? this.#read(message) : null
		const name = `${message.id}/${message.receives}`
		const actor =
			delivery === null ? toActor(name, toKind(message), world) : toExporter(name, delivery, world)
		if (actor.kind === 'check') actor.exportId = (JSON.parse(message.body) as { exportId: string }).exportId
		const live: Live = {
			actor,
			messageId: message.id,
			history: 0,
			calls: 0,
			answers: 0,
			keys: this.#keysOf(message),
			endsAtMs: world.nowMs + FUNCTION_MS,
			skewMs,
		}
		const process = this.#toProcess(live)
		const ports = createPorts(world, process, actor, this.#scenario.grain)
		const work = async (): Promise<void> => {
			if (delivery !== null) await onQueueMessage(message, delivery, ports)
			else if (actor.kind === 'check') await onArrivalCheck(message, ports, world)
			else await onCoverageCheck(message, ports)
			await process.step({
				service: 'queue',
				key: null,
				name: ACKNOWLEDGE,
				isRead: true,
				perform: () => world.acknowledge(message.id),
				miss: () => undefined,
			})
		}
		this.#live.add(live)
		return work()
			.catch((error) => this.#onFailure(name, error))
			.finally(() => this.#live.delete(live))
	}

	/** The message is delivered again. No function may fail in a way that it does not foresee. */
	#onFailure(name: string, thrown: unknown): void {
		const { code, cause } = toExportError(thrown)
		if (code === 'INTERNAL') this.world.judge.violations.push(`${name} failed: ${String(cause)}`)
	}

	#toProcess(live: Live): Process {
		return {
			now: () => this.world.nowMs + live.skewMs,
			leftMs: () => live.endsAtMs - this.world.nowMs,
			sleep: async () => undefined,
			random: () => 0.5,
			step: (call) =>
				new Promise((answer, reject) => {
					if (this.#isCalm) answer(call.perform())
					else this.#parked.push({ live, call, number: ++live.calls, answer, reject })
				}),
		}
	}

	/** A sum: of calls that are under way at the same time, the order of the answers makes no difference. */
	#resume({ live, call, number, answer, reject }: Parked, how: string, result: () => unknown): void {
		live.answers++
		const remember = (seen: string): void => {
			const seenNow = digest(`${number} ${this.world.nowMs} ${call.name} ${how} ${seen}`)
			live.history = (live.history + seenNow) % Number.MAX_SAFE_INTEGER
		}
		const fail = (error: Error): void => {
			remember(error.name)
			reject(error)
		}
		const give = (value: unknown): void => {
			remember(this.#sign(value))
			answer(value)
		}
		try {
			const value = result()
			if (value instanceof Promise) void value.then(give, fail)
			else give(value)
		} catch (error) {
			fail(error as Error)
		}
	}

	/** What a process can tell of an answer. Revisions are random: they go by who wrote them. */
	#sign(value: unknown): string {
		if (value === undefined) return ''
		const { revisions } = this.world
		return JSON.stringify(value, (name, each) => (name === 'revision' ? revisions.get(each) : each))
	}

	/** The same for states from which the same things can happen. */
	signature(): number {
		const { nowMs, table, topic, messages, buckets, judge, isInMaintenance } = this.world
		const parts: string[] = []
		for (const item of table.items.values()) parts.push(String(this.#digestOf(item)))
		for (const [id, text] of topic) parts.push(String(this.#digestOfText(id, text)))
		// When it is delivered again makes no difference: by then, all others have ended.
		for (const { id, body, receives, visibleAtMs, isDead } of messages.values())
			parts.push(`${id} ${receives} ${receives > 0 || visibleAtMs} ${isDead} ${body}`)
		for (const bucket of buckets.values())
			for (const { etag, key, atMs } of bucket.values()) parts.push(`${etag} ${key} ${atMs}`)
		for (const { name } of this.#ghosts) parts.push(name)
		for (const { actor, history, endsAtMs } of this.#live)
			parts.push(`${actor.name} ${actor.wasThere} ${history} ${endsAtMs}`)
		for (const { live, call, number } of this.#parked) parts.push(`${live.actor.name} ${number} ${call.name}`)
		parts.sort()
		const { deliveries, checks, sweeps, faults } = this.#left
		parts.push(
			`${nowMs} ${this.#hasBegun} ${isInMaintenance} ${deliveries} ${checks} ${sweeps} ${faults}`,
			judge.signature(),
		)
		return digest(parts.join('\n'))
	}

	#digestOf(item: object): number {
		const known = this.#digests.get(item) ?? digest(this.#sign(item))
		this.#digests.set(item, known)
		return known
	}

	#digestOfText(id: string, text: string): number {
		const known = this.#texts.get(id)
		if (known?.text === text) return known.digest
		const made = { text, digest: digest(text) }
		this.#texts.set(id, made)
		return made.digest
	}

	/** Delivers what is left in turn, with nothing failing and all the time that it takes, and asks the judge. */
	async finish(): Promise<void> {
		const { world } = this
		world.isInMaintenance = false
		for (const { appear } of this.#ghosts) appear()
		this.#ghosts = []
		this.#isCalm = true
		for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
			const message = this.#next()
			if (message === undefined) break
			world.nowMs = Math.max(world.nowMs, message.visibleAtMs)
			await this.#deliver(message, 0)
		}
		world.judge.onEnd(this.#orders)
	}

	/** The next message to deliver. When there is none, an operator sends the dead letters again. */
	#next(): Message | undefined {
		const { world } = this
		const byTime = (a: Message, b: Message): number => a.visibleAtMs - b.visibleAtMs
		const [first] = [...world.messages.values()].filter(({ isDead }) => !isDead).sort(byTime)
		if (first !== undefined || this.#redrives === MAX_REDRIVES) return first
		this.#redrives++
		return redrive(world)
	}
}

const deliveries = new Map<string, Delivery>()
const keysByRequest = new WeakMap<Delivery, ReadonlySet<string> | null>()

function isListing({ service }: Call): boolean {
	return service === 'bucket'
}

function keysOf(delivery: Delivery): ReadonlySet<string> | null {
	if (delivery.kind === 'invalid') return null
	const known = keysByRequest.get(delivery)
	if (known !== undefined) return known
	const { exportKey } = toExportIdentity(API_URL, delivery.request)
	const { key } = toDestination(API_URL, delivery.request, 'exclusive')
	const keys = new Set([exportKey, DESTINATION_PREFIX + key])
	keysByRequest.set(delivery, keys)
	return keys
}

function attempt(perform: () => unknown): void {
	try {
		const value = perform()
		if (value instanceof Promise) value.catch(() => undefined)
	} catch {
		// Nobody waits for the answer.
	}
}

function toKind({ queue }: Message): Actor['kind'] {
	return queue === 'requests' ? 'export' : queue === 'arrivals' ? 'check' : 'coverage'
}
