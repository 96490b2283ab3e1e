/** One thing that happens at a moment of virtual time. */
interface Event {
	atMs: number
	/** Orders what happens at the same moment. */
	number: number
	take: () => void
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A clock that jumps from one event to the next: hours pass as fast as the code runs. */
export class Driver {
	nowMs: number
	readonly #heap: Event[] = []
	#number = 0

	constructor(startMs: number) {
		this.nowMs = startMs
	}

	at(atMs: number, take: () => void): void {
		const heap = this.#heap
		const event = { atMs: Math.max(atMs, this.nowMs), number: this.#number++, take }
		let at = heap.length
		while (at > 0) {
			const parent = (at - 1) >> 1
			const above = heap[parent] as Event
			if (!isBefore(event, above)) break
			heap[at] = above
			at = parent
		}
		heap[at] = event
	}

	after(ms: number, take: () => void): void {
		this.at(this.nowMs + ms, take)
	}

	/** Takes every event in turn, until none is left or `isOver`. Whatever one sets off in code is done before the next. */
	async run(isOver: () => boolean): Promise<void> {
		for (let event = this.#pop(); event !== undefined && !isOver(); event = this.#pop()) {
			this.nowMs = event.atMs
			event.take()
			await settled()
		}
	}

	#pop(): Event | undefined {
		const heap = this.#heap
		const [first] = heap
		const last = heap.pop()
		if (first === undefined || last === undefined || heap.length === 0) return first
		let at = 0
		for (;;) {
			let child = 2 * at + 1
			const [left, right] = [heap[child], heap[child + 1]]
			if (left === undefined) break
			if (right !== undefined && isBefore(right, left)) child++
			const below = heap[child] as Event
			if (!isBefore(below, last)) break
			heap[at] = below
			at = child
		}
		heap[at] = last
		return first
	}
}

function isBefore(a: Event, b: Event): boolean {
	return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number)
}
