export interface Lines {
	all: readonly string[]
	take: (line: string) => void
	/** Resolves when `isReached` is true. Checked again after each line, because lines may come after the answer. */
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
