export interface Lines {
	all: readonly string[]
	take: (line: string) => void
	/** What a function prints may come after its answer, and after its outcome: asked again with each line. */
	until: (isReached: () => boolean) => Promise<void>
}

/** The lines that functions print. */
export function createLines(): Lines {
	const all: string[] = []
	const watchers = new Set<() => void>()
	return {
		all,
		take: (line) => {
			all.push(line)
			for (const watcher of watchers) watcher()
		},
		until: async (isReached) => {
			const { promise, resolve } = Promise.withResolvers<void>()
			const watcher = (): void => {
				if (isReached()) resolve()
			}
			watchers.add(watcher)
			watcher()
			await promise
			watchers.delete(watcher)
		},
	}
}
