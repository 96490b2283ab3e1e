import { compare, inRounds, median } from './compare.ts'
import type { Section } from './page.ts'
import { limitProcessor, toShare } from './processor-share.ts'
import { type Run, runBatches } from './run-batches.ts'
import type { StandIns } from './stand-ins.ts'
import { VARIANTS, type Variant } from './variants.ts'

const { empty, floor, deployed, obvious, blogStyle } = VARIANTS
/** The yardstick stands in twice: the difference is the noise. */
const COLD = {
	empty,
	floor,
	ours: deployed,
	obvious,
	again: { ...obvious, title: 'obvious again: the noise' },
	blogStyle,
} as const satisfies Record<string, Variant>
const NAMES = ['empty', 'floor', 'ours', 'obvious', 'again', 'blogStyle'] as const

interface Cold {
	wallMs: number
	cpuMs: number
}

type Samples = Readonly<Record<keyof typeof COLD, readonly Cold[]>>

const MEMORIES_MB = [256, 512, 1024] as const

/** From just before the process starts until ten records are finished: called, written to the table, published, checks asked for. */
export async function measureColdStart(rounds: number, standIns: StandIns): Promise<Section[]> {
	const overTls = await measure(rounds, {}, standIns)
	const plain = await measure(Math.ceil(rounds / 3), { protocol: 'plain' }, standIns)
	return [
		{
			...toSection(`Cold start to ten records over TLS, ${rounds} rounds`, overTls),
			targets: [
				{
					text: 'ours / obvious, wall',
					figure: toRatio(overTls, 'wallMs', 'obvious'),
					limit: 0.62,
					goal: 0.45,
				},
				{
					text: 'ours / obvious, CPU',
					figure: toRatio(overTls, 'cpuMs', 'obvious'),
					limit: 0.65,
					goal: 0.45,
				},
				{ text: 'ours / floor, wall', figure: toRatio(overTls, 'wallMs', 'floor'), limit: 2.6, goal: 1.6 },
			],
		},
		toWaits(overTls),
		...(await measureShare(rounds, standIns)),
		{ ...toSection('The same over plain HTTP', plain), targets: [] },
	]
}

async function measure(rounds: number, run: Partial<Run>, standIns: StandIns): Promise<Samples> {
	return inRounds(COLD, rounds, async (variant) => {
		const {
			stops: [first],
		} = await runBatches(variant, { ...run, stops: [1] }, standIns)
		return { wallMs: first?.sinceStartMs ?? Number.NaN, cpuMs: first?.cpuMs ?? Number.NaN }
	})
}

function toRatio(samples: Samples, field: keyof Cold, yardstick: keyof typeof COLD): number {
	return compareOn(samples, field, 'ours', yardstick).ratio
}

function compareOn(
	samples: Samples,
	field: keyof Cold,
	name: keyof typeof COLD,
	yardstick: keyof typeof COLD,
) {
	const pick = (each: Cold): number => each[field]
	return compare(samples[name].map(pick), samples[yardstick].map(pick))
}

function toSection(heading: string, samples: Samples): Omit<Section, 'targets'> {
	return {
		heading,
		columns: ['ms', 'x obvious', 'CPU ms', 'x obvious'],
		rows: NAMES.map((name) => {
			const cells = (['wallMs', 'cpuMs'] as const).flatMap((field) => {
				const compared = compareOn(samples, field, name, 'obvious')
				return [compared.median.toFixed(1), compared.ratio.toFixed(2)]
			})
			return { title: COLD[name].title, cells }
		}),
	}
}

function toWaits(samples: Samples): Section {
	return {
		heading: 'Wait for it by memory: CPU time / share, ms',
		columns: MEMORIES_MB.map((memoryMb) => `${memoryMb} MB`),
		rows: (['ours', 'obvious', 'blogStyle'] as const).map((name) => {
			const cpuMs = median(samples[name].map((each) => each.cpuMs))
			return { title: COLD[name].title, cells: MEMORIES_MB.map((mb) => (cpuMs / toShare(mb)).toFixed(0)) }
		}),
		targets: [],
	}
}

const MEASURED_MB = 512

/** No section where a share of a processor cannot be given. */
async function measureShare(rounds: number, standIns: StandIns): Promise<Section[]> {
	const share = limitProcessor(toShare(MEASURED_MB))
	if (share === null) return []
	try {
		const samples = await measure(Math.ceil(rounds / 3), { procsPath: share.procsPath }, standIns)
		return [
			{
				...toSection(`The same at ${MEASURED_MB} MB, measured`, samples),
				targets: [],
			},
		]
	} finally {
		share.remove()
	}
}
