/** Null when it fails or takes longer. */
export async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | null> {
	const { promise: late, resolve } = Promise.withResolvers<null>()
	const timer = setTimeout(resolve, ms, null)
	try {
		return await Promise.race([promise.catch(() => null), late])
	} finally {
		clearTimeout(timer)
	}
}
