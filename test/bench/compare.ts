export interface Compared {
	median: number
	/** Median of the ratios to the baseline of the same round, so that drift of the machine cancels out. */
	ratio: number
}

/** Measures all variants in each round, so that other load on the machine affects them equally. */
export async function inRounds<Name extends string, Item, Sample>(
	items: Readonly<Record<Name, Item>>,
	rounds: number,
	measure: (item: Item) => Promise<Sample>,
): Promise<Readonly<Record<Name, readonly Sample[]>>> {
	const names = Object.keys(items) as Name[]
	const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>
	for (let round = 0; round < rounds; round++) {
		for (const name of names) samples[name].push(await measure(items[name]))
	}
	return samples
}

export function compare(samples: readonly number[], yardstick: readonly number[]): Compared {
	const ratios = samples.map((sample, round) => sample / (yardstick[round] ?? Number.NaN))
	return { median: median(samples), ratio: median(ratios) }
}

export function median(samples: readonly number[]): number {
	const sorted = samples.toSorted((one, other) => one - other)
	const middle = sorted.length / 2
	const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
	return (low + high) / 2
}
