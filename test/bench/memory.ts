import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS, type Variant } from './variants.ts'

const MIB = 1024 * 1024

/** Heap of one process after a number of records (measured after a collection), and its peak resident memory. */
export async function measureMemory(records: number, standIns: StandIns): Promise<Section[]> {
	return [
		await measureOne('Memory of ours', VARIANTS.ours, records, standIns, 160),
		await measureOne('Memory of coverage checks', VARIANTS.coverage, records / 10, standIns, 200),
	]
}

async function measureOne(
	heading: string,
	variant: Variant,
	records: number,
	standIns: StandIns,
	limitMib: number,
): Promise<Section> {
	const stops = [records / 100, records / 10]
	const {
		stops: [early, late],
	} = await runBatches(variant, { stops, collects: true }, standIns)
	const toRow = (title: string, bytes = Number.NaN) => ({ title, cells: [(bytes / MIB).toFixed(1)] })
	return {
		heading: `${heading} over ${records} records`,
		columns: ['MiB'],
		rows: [
			toRow(`heap after ${records / 10} records`, early?.heapBytes),
			toRow(`heap after ${records} records`, late?.heapBytes),
			toRow('peak resident', late?.peakBytes),
		],
		targets: [
			{ text: 'peak resident, MiB', figure: (late?.peakBytes ?? Number.NaN) / MIB, limit: limitMib },
			{
				text: 'growth of the heap, MiB',
				figure: ((late?.heapBytes ?? Number.NaN) - (early?.heapBytes ?? Number.NaN)) / MIB,
				limit: 1,
			},
		],
	}
}
