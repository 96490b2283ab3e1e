import { inRounds, median } from './compare.ts'
import type { Section } from './page.ts'
import { runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS, type Variant } from './variants.ts'

const DELAYS = { gatewayMs: 50, topicMs: 10 }

const RECORDS = 10

interface Plan {
	variant: Variant
	warmBatches: number
	batches: number
}

const MANY = { warmBatches: 60, batches: 21 }
/** One record after another takes so long that a cold process does not show in it. */
const FEW = { warmBatches: 3, batches: 5 }

const PLANS = {
	floor: { ...MANY, variant: VARIANTS.floor },
	ours: { ...MANY, variant: VARIANTS.ours },
	obvious: { ...MANY, variant: VARIANTS.obvious },
	blogStyle: { ...FEW, variant: VARIANTS.blogStyle },
} as const satisfies Record<string, Plan>

/** How long a batch of ten takes, of a warm process. */
export async function measureBatch(rounds: number, standIns: StandIns): Promise<Section> {
	await standIns.ask({ delays: DELAYS })
	const samples = await inRounds(PLANS, rounds, (plan) => measureRatio(plan, standIns))
	await standIns.ask({ delays: { gatewayMs: 0, topicMs: 0 } })
	const ratios = Object.entries(samples).map(([name, each]) => [name, median(each)] as const)
	return {
		heading: `Batch of ten, NCP ${DELAYS.gatewayMs} ms, topic ${DELAYS.topicMs} ms, ${rounds} rounds`,
		columns: ['x ideal'],
		rows: ratios.map(([name, ratio]) => ({
			title: name === 'floor' ? 'floor, without a topic' : PLANS[name as keyof typeof PLANS].variant.title,
			cells: [ratio.toFixed(2)],
		})),
		targets: [{ text: 'ours / ideal', figure: median(samples.ours), limit: 1.1 }],
	}
}

/** To the slowest call and one publish, as long as NCP and the topic truly took: what is left when all that can is done side by side. */
async function measureRatio({ variant, warmBatches, batches }: Plan, standIns: StandIns): Promise<number> {
	const stops = Array.from({ length: batches }, (_, index) => warmBatches + 1 + index)
	const { stops: ran, counts } = await runBatches(variant, { stops }, standIns)
	const slowestCalls = Array.from({ length: warmBatches + batches }, (_, batch) =>
		Math.max(...counts.callMs.slice(batch * RECORDS, (batch + 1) * RECORDS)),
	)
	const publishMs = counts.publishMs.length === 0 ? 0 : median(counts.publishMs)
	return median(ran.map(({ batchMs }) => batchMs)) / (median(slowestCalls) + publishMs)
}
