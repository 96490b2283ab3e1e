import fc from 'fast-check'
import { PRODUCT_NAMES, type Product, rowOf } from '../../lib/products.ts'
import { type ApiRequest, type ExportRequest, toApiRequest } from '../../lib/request/export-request.ts'

/** Where NCP puts a copy, and what is wrong with it. NCP documents none of this. */
export const LANDINGS = [
	/** Under folder and file name. */
	'own-place',
	'with-ending',
	'ignoring-folder',
	'ignoring-folder-with-ending',
	/** Under a path that no request named. */
	'other-layout',
	/** Under a path that no request named and that contains the instance's number. */
	'instance-layout',
	'deeper',
	/** As two objects, both with endings. */
	'in-parts',
	'renamed',
	'empty',
	'never',
] as const

export type LandingOfPlan = (typeof LANDINGS)[number]

/** One request, and what becomes of it. */
export interface PlannedExport {
	product: Product
	instanceNo: string
	chosen: Readonly<Record<string, string>>
	fileName: string
	bucketName: string
	folderPath: string | undefined
	idempotencyKey: string | undefined
	startMinute: number
	/** The request is sent once more after so many minutes. */
	repeatMinutes: number | undefined
	landing: LandingOfPlan
	/** From the call to the copy. The deadline is after 120 minutes. */
	copyMinutes: number
	reply: 'accepted' | 'lost' | 'lost-undone' | 'refused'
}

/** An object of somebody else, with a similar name. */
export interface Stranger {
	bucketName: string
	key: string
	minute: number
}

export interface Plan {
	exports: PlannedExport[]
	strangers: Stranger[]
	keyPrefix: string
	areDestinationsShared: boolean
}

const FILES = ['20210528', '20210528_1', '20210528_1.tar', '20210529'] as const
const INSTANCES = ['1001', '1002', '1003', '1004', '1005'] as const

/** None of them may be taken for a backup, wherever that is expected. */
const STRANGERS = [
	'reports/monthly-20210528-summary.csv',
	'120210528',
	'202105280.gz',
	'20210528/readme.txt',
	'1001/my-20210528',
	// Not proof unless the prefix covers them.
	'archive/20210528',
	'archive/20210529.tar.gz',
] as const

const planned = (instanceNo: string, product: Product): fc.Arbitrary<PlannedExport> =>
	fc.record({
		product: fc.constant(product),
		instanceNo: fc.constant(instanceNo),
		chosen: fc.record(
			Object.fromEntries(
				Object.entries(rowOf(product).choices).map(([name, values]) => [name, fc.constantFrom(...values)]),
			),
		),
		fileName: fc.constantFrom(FILES[0], FILES[0], ...FILES),
		bucketName: fc.constantFrom('shared', 'shared', 'shared', `own-${instanceNo}`),
		folderPath: rowOf(product).hasFolder
			? fc.constantFrom(undefined, undefined, `${instanceNo}/`, `${instanceNo}/`, 'nightly/', 'nightly/sub/')
			: fc.constant(undefined),
		idempotencyKey: fc.constantFrom(undefined, undefined, undefined, `key-${instanceNo}`),
		startMinute: fc.constantFrom(0, 0, 0, 1, 7, 40),
		repeatMinutes: fc.constantFrom(undefined, undefined, 0, 2, 60, 26 * 60),
		landing: fc.constantFrom('own-place', 'own-place', ...LANDINGS),
		copyMinutes: fc.constantFrom(0, 0, 1, 3, 20, 119, 125),
		reply: fc.constantFrom('accepted', 'accepted', 'accepted', 'lost', 'lost-undone', 'refused'),
	})

/** One to five instances that share a bucket, or have their own, with and without folders. */
export const plan: fc.Arbitrary<Plan> = fc
	.record({
		instances: fc.subarray([...INSTANCES], { minLength: 1 }),
		keyPrefix: fc.constantFrom('{fileName}', '{fileName}', '{fileName}', '', 'exports/', '{instanceNo}/'),
		areDestinationsShared: fc.nat({ max: 7 }).map((n) => n === 0),
		strangers: fc.array(
			fc.record({
				bucketName: fc.constantFrom('shared', 'own-1001'),
				key: fc.constantFrom(...STRANGERS),
				minute: fc.constantFrom(0, 2, 60),
			}),
			{ maxLength: 3 },
		),
	})
	.chain(({ instances, strangers, ...world }) =>
		fc
			.tuple(
				...instances.map((instanceNo) =>
					fc
						.constantFrom('postgresql', 'postgresql', ...PRODUCT_NAMES)
						.chain((product) => fc.array(planned(instanceNo, product), { minLength: 1, maxLength: 2 })),
				),
			)
			.map((exports) => ({
				...world,
				exports: exports.flat(),
				// With an empty prefix these would count as the export's object.
				strangers: strangers.filter(({ key }) => world.keyPrefix !== '' || !key.startsWith('archive/')),
			})),
	)

/** The keys under which NCP puts a copy. */
export function keysOf(planned: PlannedExport): string[] {
	const key = keyOf(planned)
	if (planned.landing === 'in-parts') return [`${key}.part1`, `${key}.part2`]
	return key === null ? [] : [key]
}

function keyOf({ landing, folderPath = '', fileName, instanceNo }: PlannedExport): string | null {
	switch (landing) {
		case 'never':
			return null
		case 'own-place':
		case 'empty':
		case 'in-parts':
			return folderPath + fileName
		case 'with-ending':
			return `${folderPath}${fileName}.gz`
		case 'ignoring-folder':
			return fileName
		case 'ignoring-folder-with-ending':
			return `${fileName}.gz`
		case 'other-layout':
			return `exports/${fileName}`
		case 'instance-layout':
			return `by-instance/${instanceNo}/${fileName}`
		case 'deeper':
			return `${folderPath}2026/${fileName}`
		case 'renamed':
			return `${folderPath}pg-${fileName}`
	}
}

/** Whose backup an object is can be read from its bytes. */
export function bodyOf(planned: PlannedExport): string {
	return planned.landing === 'empty' ? '' : bytesOf(planned)
}

/** The bytes of the backup that is asked for. */
export function bytesOf({
	fileName,
	chosen = {},
	instanceNo,
}: Pick<ExportRequest, 'fileName' | 'chosen' | 'instanceNo'>): string {
	return ['backup', fileName, ...Object.values(chosen), 'of', instanceNo].join(' ')
}

/** The request as a user writes it. */
export function requestFor(planned: PlannedExport): ApiRequest {
	const { product, instanceNo, fileName, chosen, bucketName, folderPath, idempotencyKey } = planned
	return toApiRequest({ product, instanceNo, fileName, chosen, bucketName, folderPath, idempotencyKey })
}
