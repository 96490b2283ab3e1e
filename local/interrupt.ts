/** Resolves on the first Ctrl-C or termination; a second one ends the process at once. */
export function onInterrupt(): Promise<void> {
	return new Promise((resolve) => {
		process.once('SIGINT', () => resolve())
		process.once('SIGTERM', () => resolve())
	})
}
