import { stat } from 'node:fs/promises'
import type { Section } from './page.ts'
import { VARIANTS } from './variants.ts'

const LIMIT_KIB = 600

/** The minified bundles, with the same settings; only ours uses the plugins of tools/build.ts. */
export async function measureBundles(): Promise<Section> {
	const sized = await Promise.all(
		Object.values(VARIANTS)
			.filter((variant) => variant !== VARIANTS.deployed)
			.map(async ({ title, bundle }) => ({
				title,
				kib: (await stat(bundle)).size / 1024,
			})),
	)
	const ours = sized.find(({ title }) => title === VARIANTS.ours.title)
	return {
		heading: 'Bundle',
		columns: ['KiB'],
		rows: sized.map(({ title, kib }) => ({ title, cells: [kib.toFixed(1)] })),
		targets: [{ text: 'ours, KiB', figure: ours?.kib ?? Number.NaN, limit: LIMIT_KIB }],
	}
}
