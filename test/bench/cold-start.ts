import { compare, inRounds } from './compare.ts'
import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS } from './variants.ts'

/** From just before the process starts until ten records are finished: called, written to the table, published. */
export async function measureColdStart(rounds: number, standIns: StandIns): Promise<Section> {
	const { empty, floor, ours, deployed, obvious, blogStyle } = VARIANTS
	// The baseline measured against itself shows the noise of the ratios.
	const again = { ...empty, title: 'empty handler again: the noise' }
	const variants = { empty, floor, ours, deployed, again, obvious, blogStyle }
	const samples = await inRounds(variants, rounds, async (variant) => {
		const {
			stops: [first],
		} = await runBatches(variant, { stops: [1] }, standIns)
		return first?.sinceStartMs ?? Number.NaN
	})
	const names = ['empty', 'again', 'floor', 'ours', 'deployed', 'obvious', 'blogStyle'] as const
	return {
		heading: `Cold start to ten records, ${rounds} rounds`,
		columns: ['ms', 'x empty'],
		rows: names.map((name) => {
			const { median, ratio } = compare(samples[name], samples.empty)
			return { title: variants[name].title, cells: [median.toFixed(1), ratio.toFixed(2)] }
		}),
		targets: [
			{ text: 'ours / obvious', figure: compare(samples.ours, samples.obvious).ratio, limit: 0.6 },
			{ text: 'ours / blog style', figure: compare(samples.ours, samples.blogStyle).ratio, limit: 0.55 },
			{ text: 'ours / empty handler', figure: compare(samples.ours, samples.empty).ratio, limit: 6.5 },
		],
	}
}
