import { inRounds, median } from './compare.ts'
import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS, type Variant } from './variants.ts'

const DELAYS = { gatewayMs: 50, topicMs: 10 }

interface Plan {
	variant: Variant
	warmBatches: number
	batches: number
}

const MANY = { warmBatches: 60, batches: 21 }
/** Sequential records take so long that the effect of a cold process does not show. */
const FEW = { warmBatches: 3, batches: 5 }

const PLANS = {
	floor: { ...MANY, variant: VARIANTS.floor },
	ours: { ...MANY, variant: VARIANTS.ours },
	obvious: { ...MANY, variant: VARIANTS.obvious },
	blogStyle: { ...FEW, variant: VARIANTS.blogStyle },
} as const satisfies Record<string, Plan>

/**
 * Duration of a batch of ten in a warm process, compared with the ideal: the slowest of ten concurrent bare calls (the
 * floor) plus one publish as long as the topic really took. A second figure compares with the bare delays, without the
 * cost of HTTP itself on this machine.
 */
export async function measureBatch(rounds: number, standIns: StandIns): Promise<Section> {
	await standIns.ask({ delays: DELAYS })
	const publishMs: number[] = []
	const samples = await inRounds(PLANS, rounds, async (plan) => {
		const measured = await measure(plan, standIns)
		publishMs.push(...measured.publishMs)
		return measured.batchMs
	})
	await standIns.ask({ delays: { gatewayMs: 0, topicMs: 0 } })
	const topicMs = median(publishMs)
	const toRatio = (ms: readonly number[]): number =>
		median(ms.map((each, round) => each / ((samples.floor[round] ?? Number.NaN) + topicMs)))
	const nominalMs = DELAYS.gatewayMs + DELAYS.topicMs
	return {
		heading: `Batch of ten over TLS, NCP ${DELAYS.gatewayMs} ms, ${rounds} rounds`,
		columns: ['ms', 'x ideal', `x ${nominalMs} ms`],
		rows: [
			toRow('ideal: the floor, and a publish', [median(samples.floor) + topicMs], nominalMs, () => 1),
			toRow('ours', samples.ours, nominalMs, toRatio),
			toRow('obvious', samples.obvious, nominalMs, toRatio),
			toRow('blog style', samples.blogStyle, nominalMs, toRatio),
		],
		targets: [{ text: 'ours / ideal', figure: toRatio(samples.ours), limit: 1.1 }],
	}
}

function toRow(
	title: string,
	ms: readonly number[],
	nominalMs: number,
	toRatio: (ms: readonly number[]) => number,
) {
	const cells = [median(ms).toFixed(1), toRatio(ms).toFixed(2), (median(ms) / nominalMs).toFixed(2)]
	return { title, cells }
}

async function measure({ variant, warmBatches, batches }: Plan, standIns: StandIns) {
	const stops = Array.from({ length: batches }, (_, index) => warmBatches + 1 + index)
	const { stops: ran, counts } = await runBatches(variant, { stops }, standIns)
	return { batchMs: median(ran.map((stop) => stop.batchMs)), publishMs: counts.publishMs }
}
