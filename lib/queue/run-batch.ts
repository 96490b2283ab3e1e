/**
 * Runs `work` on all items side by side, those of one group one after another, and settles them all.
 * The results stand in the order of the items. One item's failure does not stop its group.
 */
export function settleInOrder<Item, Result>(
	items: readonly Item[],
	groupOf: (item: Item) => string,
	work: (item: Item) => Promise<Result>,
): Promise<PromiseSettledResult<Result>[]> {
	const tails = new Map<string, Promise<unknown>>()
	const results = items.map((item) => {
		const group = groupOf(item)
		const result = (tails.get(group) ?? Promise.resolve()).then(() => work(item))
		tails.set(
			group,
			result.catch(() => undefined),
		)
		return result
	})
	return Promise.allSettled(results)
}
