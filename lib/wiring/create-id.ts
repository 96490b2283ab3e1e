import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 2_048

/** Random numbers from 0 to 1 in steps of 1/256: one call of the system for many, where `ulid` by itself makes one for each character. */
export function createRandom(): () => number {
	const pool = Buffer.alloc(POOL_BYTES)
	let used = POOL_BYTES
	return () => {
		if (used === POOL_BYTES) {
			randomFillSync(pool)
			used = 0
		}
		return (pool[used++] ?? 0) / 256
	}
}
