import { compare, inRounds } from './compare.ts'
import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { WITHOUT_TABLE_VARIANTS } from './variants.ts'

/** Batches to run first: until then, most of the code is interpreted. */
const WARM_BATCHES = 100
const BATCHES = 200
const RECORDS = BATCHES * 10

/** User and system time of a warm process, without the table, whose cost would hide everything else. */
export async function measureCpu(rounds: number, standIns: StandIns): Promise<Section> {
	const samples = await inRounds(WITHOUT_TABLE_VARIANTS, rounds, async (variant) => {
		const stops = [WARM_BATCHES, WARM_BATCHES + BATCHES]
		const {
			stops: [warm, end],
		} = await runBatches(variant, { stops }, standIns)
		return ((end?.cpuMs ?? Number.NaN) - (warm?.cpuMs ?? Number.NaN)) / RECORDS
	})
	const names = ['floor', 'ours', 'obvious', 'blogStyle'] as const
	return {
		heading: `CPU a warm record over TLS, no table, ${rounds} rounds`,
		columns: ['ms', 'x blog style'],
		rows: names.map((name) => {
			const { median, ratio } = compare(samples[name], samples.blogStyle)
			const { title } = WITHOUT_TABLE_VARIANTS[name]
			return { title, cells: [median.toFixed(3), ratio.toFixed(2)] }
		}),
		targets: [
			{ text: 'ours / blog style', figure: compare(samples.ours, samples.blogStyle).ratio, limit: 0.3 },
		],
	}
}
