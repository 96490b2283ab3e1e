import { randomFillSync } from 'node:crypto'

/** Crockford's base 32: no letter is taken for a digit, and the order of the characters is that of their values. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const TIME_LENGTH = 10
const RANDOM_LENGTH = 16

/** One call of the system serves 128 ids. */
const POOL_BYTES = 128 * RANDOM_LENGTH

/** Makes ULIDs: 48 bits of time and 80 random bits, so that later ids sort behind earlier ones. https://github.com/ulid/spec */
export function createIdMaker(): (nowMs: number) => string {
	const pool = Buffer.alloc(POOL_BYTES)
	let used = POOL_BYTES
	return (nowMs) => {
		if (used === POOL_BYTES) {
			randomFillSync(pool)
			used = 0
		}
		let id = ''
		for (let left = nowMs, length = 0; length < TIME_LENGTH; length++, left = Math.floor(left / 32))
			id = DIGITS.charAt(left % 32) + id
		for (const end = used + RANDOM_LENGTH; used < end; used++) id += DIGITS.charAt((pool[used] ?? 0) % 32)
		return id
	}
}
