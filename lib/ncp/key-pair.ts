import type { KeyPair } from '../ports.ts'

export interface Credentials {
	/** Rejects when the pair cannot be read; nothing has been sent then. */
	get: () => Promise<KeyPair>
	/** Changes whenever the pair does. */
	version: () => number
	/** Reads the pair again after NCP refused that of `version`; resolves true when there is another one now. Never rejects. */
	refresh: (version: number) => Promise<boolean>
}

/** A pair from the environment: another one comes only with another environment. */
export function fixedCredentials(keys: KeyPair): Credentials {
	return { get: async () => keys, version: () => 0, refresh: async () => false }
}

/** A pair that `readAgain` brings up to date; `read` may answer from a cache. */
export function rotatingCredentials(
	read: () => Promise<KeyPair>,
	readAgain: () => Promise<KeyPair>,
): Credentials {
	let current: KeyPair | null = null
	let version = 0
	const take = (fresh: KeyPair): KeyPair => {
		if (fresh.accessKey !== current?.accessKey || fresh.secretKey !== current.secretKey) version++
		current = fresh
		return fresh
	}
	let refreshing: Promise<unknown> | null = null
	return {
		get: async () => take(await read()),
		version: () => version,
		refresh: async (refused) => {
			if (version === refused) {
				// Shared by all calls of a batch. A failed read leaves us with what we have.
				refreshing ??= readAgain()
					.then(take, () => undefined)
					.finally(() => {
						refreshing = null
					})
				await refreshing
			}
			return version !== refused
		},
	}
}
