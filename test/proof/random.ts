/** A stream of numbers that a seed decides: the same on every machine. */
export interface Random {
	/** From 0 to 1, exclusive. */
	next: () => number
	/** A whole number from 0 to `limit`, exclusive. */
	below: (limit: number) => number
	/** True with this probability. */
	chance: (probability: number) => boolean
	pick: <T>(values: readonly T[]) => T
}

/** Xorshift on 64 bits, in two halves. https://www.jstatsoft.org/article/view/v008i14 */
export function createRandom(seed: number): Random {
	let low = (seed ^ 0x2545f491) >>> 0 || 1
	let high = (Math.imul(seed, 0x9e3779b1) ^ 0x6c078965) >>> 0
	const step = (): number => {
		const mixed = low ^ (low << 10)
		low = high
		high = (high ^ (high >>> 10) ^ mixed ^ (mixed >>> 13)) >>> 0
		return high
	}
	// The first numbers of neighbouring seeds are alike.
	for (let count = 0; count < 20; count++) step()
	const next = (): number => step() / 2 ** 32
	const below = (limit: number): number => Math.floor(next() * limit)
	return {
		next,
		below,
		chance: (probability) => next() < probability,
		pick: <T>(values: readonly T[]): T => values[below(values.length)] as T,
	}
}

/** 53 bits that stand for a text: FNV-1a, twice with different numbers. Alike on every machine. */
export function digest(text: string): number {
	let low = 0x811c9dc5
	let high = 0x1b873593
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index)
		low = Math.imul(low ^ code, 0x01000193)
		high = Math.imul(high ^ code, 0x85ebca6b)
		high ^= high >>> 15
	}
	return (low >>> 11) * 2 ** 32 + (high >>> 0)
}
