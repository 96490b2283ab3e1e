import type { KeyPair } from '../ports.ts'

export interface Credentials {
	/** Rejects when the pair cannot be read. Nothing has been sent then. */
	get: () => Promise<KeyPair>
	/** Changes with the pair. */
	version: () => number
	/** Reads the pair again after NCP refused the one of `version`. Resolves with true when there is a new one. Never rejects. */
	refresh: (version: number) => Promise<boolean>
}

/** A pair from the environment, which never changes. */
export function fixedCredentials(keys: KeyPair): Credentials {
	return { get: async () => keys, version: () => 0, refresh: async () => false }
}

/** A pair that can be rotated. `read` may answer from a cache, `readAgain` may not. */
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
				// Shared by all calls of a batch. If the read fails, the pair stays as it is.
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
