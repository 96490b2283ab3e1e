import { median } from './compare.ts'
import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS, type Variant } from './variants.ts'

const DELAYS = { gatewayMs: 50, topicMs: 10 }

/** The slowest call and one publish: what is left when everything that can is done side by side. */
const IDEAL_MS = DELAYS.gatewayMs + DELAYS.topicMs

interface Measured {
	variant: Variant
	idealMs: number
	warmBatches: number
	batches: number
}

const MANY = { idealMs: IDEAL_MS, warmBatches: 40, batches: 21 }
/** One record after another takes so long that a cold process does not show in it. */
const FEW = { idealMs: IDEAL_MS, warmBatches: 3, batches: 5 }

/** How long a batch of ten takes, of a warm process. */
export async function measureBatch(standIns: StandIns): Promise<Section> {
	const { floor, ours, obvious, blogStyle } = VARIANTS
	const ratioOf = (measured: Measured): Promise<number> => measureRatio(measured, standIns)
	await standIns.ask({ delays: DELAYS })
	// It does not publish; what it takes beyond its call is the timers and the machine.
	const floorRatio = await ratioOf({ ...MANY, variant: floor, idealMs: DELAYS.gatewayMs })
	const ratio = await ratioOf({ ...MANY, variant: ours })
	const obviousRatio = await ratioOf({ ...MANY, variant: obvious })
	const blogStyleRatio = await ratioOf({ ...FEW, variant: blogStyle })
	await standIns.ask({ delays: { gatewayMs: 0, topicMs: 0 } })
	return {
		heading: `Batch of ten, NCP ${DELAYS.gatewayMs} ms, topic ${DELAYS.topicMs} ms`,
		columns: ['ms', 'x ideal'],
		rows: [
			toRow('floor, without a topic', floorRatio, DELAYS.gatewayMs),
			toRow(ours.title, ratio),
			toRow(obvious.title, obviousRatio),
			toRow(blogStyle.title, blogStyleRatio),
		],
		targets: [{ text: 'ours / ideal', figure: ratio, limit: 1.1 }],
	}
}

function toRow(title: string, ratio: number, idealMs = IDEAL_MS) {
	return { title, cells: [(ratio * idealMs).toFixed(1), ratio.toFixed(2)] }
}

async function measureRatio({ variant, idealMs, ...rest }: Measured, standIns: StandIns): Promise<number> {
	const stops = Array.from({ length: rest.batches }, (_, index) => rest.warmBatches + 1 + index)
	const batches = await runBatches(variant, { stops }, standIns)
	return median(batches.map(({ batchMs }) => batchMs)) / idealMs
}
