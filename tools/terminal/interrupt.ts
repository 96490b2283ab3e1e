/** Resolves with an exit code on the first SIGINT (130) or SIGTERM (143). The second signal ends the process at once. */
export function onInterrupt(): Promise<number> {
	const { promise, resolve } = Promise.withResolvers<number>()
	let isInterrupted = false
	const handle = (exitCode: number): void => {
		if (isInterrupted) process.exit(exitCode)
		isInterrupted = true
		resolve(exitCode)
	}
	process.on('SIGINT', () => handle(130))
	process.on('SIGTERM', () => handle(143))
	return promise
}
