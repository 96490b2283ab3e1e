import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { buildOptions } from '../../tools/build.ts'
import type { SimulatedProduct } from '../../tools/local/ncp-products.ts'
import type { Instance } from '../../tools/local/ncp-simulator.ts'
import { World } from './world.ts'

interface Sample {
	path: string
	instanceField: string
	fileField: string
	choices?: Readonly<Record<string, string>>
}

/** Typed in by hand, from NCP's API guide: the test shares no table with the code. */
const SAMPLES: Readonly<Record<string, Sample>> = {
	PostgreSQL: { path: 'vpostgresql', instanceField: 'cloudPostgresqlInstanceNo', fileField: 'fileName' },
	MySQL: { path: 'vmysql', instanceField: 'cloudMysqlInstanceNo', fileField: 'fileName' },
	MongoDB: { path: 'vmongodb', instanceField: 'cloudMongoDbInstanceNo', fileField: 'objectName' },
	Cache: {
		path: 'vcache',
		instanceField: 'cloudCacheInstanceNo',
		fileField: 'fileName',
		choices: { backupTypeMode: 'MANUAL' },
	},
}

const INVENTED: Sample = {
	path: 'vtimeseries',
	instanceField: 'cloudTimeSeriesInstanceNo',
	fileField: 'snapshotName',
	choices: { tier: 'HOT' },
}

/** The row that somebody who adds the product writes into `PRODUCTS`. */
const INVENTED_ROW = `
	timeseries: {
		title: 'TimeSeries',
		path: '${INVENTED.path}',
		instanceField: '${INVENTED.instanceField}',
		fileField: '${INVENTED.fileField}',
		hasFolder: true,
		choices: { tier: ['HOT', 'COLD'] },
		discovery: null,
	},
`

const INVENTED_IN_NCP: SimulatedProduct = {
	path: INVENTED.path,
	prefix: 'cloudTimeSeries',
	fileField: INVENTED.fileField,
	parameters: ['folderPath'],
	choices: { tier: ['HOT', 'COLD'] },
}

/** Not all are dates: a MongoDB backup is named by an id. */
const FILES = {
	queue: '20210528',
	webhook: '668583966f0a',
	pipeline: 'nightly-3',
	lost: '20210529',
	never: 'n',
}

/** Two instances of the product; numbers 11 and 12. */
function instancesOf({ path }: Sample): Map<string, Instance> {
	const backups = new Set(Object.values(FILES))
	return new Map(['11', '12'].map((no) => [no, { product: path, regionCode: 'KR', backups }]))
}

function bodyOf({ instanceField, fileField, choices }: Sample, fileName: string, instanceNo = '11') {
	return { [instanceField]: instanceNo, [fileField]: fileName, ...choices, bucketName: 'my-bucket' }
}

let world: World

async function start(sample: Sample, bundles?: string): Promise<void> {
	world = await World.start({
		...(bundles === undefined ? {} : { bundles }),
		simulator: {
			instances: instancesOf(sample),
			moreProducts: [INVENTED_IN_NCP],
			fault: ({ fileName, nth }) => (fileName === FILES.lost && nth === 1 ? 'cut' : undefined),
		},
	})
}

const statesOf = (fileName: string): (string | undefined)[] =>
	world.events.filter(({ subject }) => subject === `my-bucket/${fileName}`).map(({ data }) => data.state)

const performed = (): string[] => (world.cloud.ncp?.performed ?? []).map(({ fileName }) => fileName)

const bytesOf = (key = ''): Promise<string> => world.cloud.aws.readObject('my-bucket', key)

/** One request by each trigger, one whose reply is lost, each sent twice, and what a neighbour and NCP refuse. */
async function exportAll(sample: Sample): Promise<void> {
	const { cloud } = world
	const post = (body: object) =>
		fetch(`${cloud.webhookUrl}/exports`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(body),
		})
	const invoke = (body: object) => cloud.functions['on-pipeline-event'].invoke(body, 'invocation')
	for (let times = 0; times < 2; times++) {
		await world.send({ ...bodyOf(sample, FILES.queue), responseFormatType: 'json' })
		await world.send(bodyOf(sample, FILES.lost))
		expect((await post(bodyOf(sample, FILES.webhook))).status).toBe(202)
		expect(await invoke(bodyOf(sample, FILES.pipeline))).toMatchObject({
			ok: true,
			value: { data: { request: bodyOf(sample, FILES.pipeline) } },
		})
		await world.settle()
	}
	const neighbour = await post(bodyOf(sample, FILES.webhook, '12'))
	expect([neighbour.status, await neighbour.json()]).toMatchObject([409, { code: 'DESTINATION_TAKEN' }])
	expect((await post(bodyOf(sample, 'unknown'))).status).toBe(422)
	const invalid = await post({ ...bodyOf(sample, FILES.webhook), [sample.fileField]: '' })
	expect(await invalid.json()).toMatchObject({ errors: [{ field: sample.fileField }] })
	await world.pass(30, 5)
}

async function expectTruth(sample: Sample): Promise<void> {
	const { path, instanceField, choices = {} } = sample
	const files = [FILES.queue, FILES.webhook, FILES.pipeline, FILES.lost]
	expect(performed().sort()).toEqual([...files].sort())
	for (const { product, choices: asked } of world.cloud.ncp?.performed ?? [])
		expect([product, asked]).toEqual([path, choices])
	for (const fileName of files) {
		const [first, ...later] = new Set(statesOf(fileName))
		expect([first, ...later]).toEqual([fileName === FILES.lost ? 'unknown' : 'accepted', 'completed'])
		const { source, data } = findCompleted(fileName)
		expect(source).toBe(`/ncp/${path}/KR/11`)
		expect(data.request).toEqual({ ...bodyOf(sample, fileName), regionCode: 'KR' })
		const bytes = ['backup', fileName, ...Object.values(choices), 'of', '11'].join(' ')
		expect(await bytesOf(data.object?.key)).toBe(bytes)
	}
	expect(new Set(statesOf('unknown'))).toEqual(new Set(['refused']))
	// The envelope's own text names the product by its field, for filter policies.
	expect(JSON.stringify(world.events)).toContain(`"${instanceField}":"11"`)
	expect(await world.deadLetters()).toEqual([])
}

function findCompleted(fileName: string): OutcomeEvent {
	const event = world.events.find(
		({ subject, data }) => subject === `my-bucket/${fileName}` && data.state === 'completed',
	)
	if (event === undefined) throw new Error(`${fileName} is not completed`)
	return event
}

describe.each(Object.entries(SAMPLES))('a backup of %s', (_title, sample) => {
	beforeEach(() => start(sample))
	afterEach(() => world.stop())

	it('is exported once, by each trigger, and completed by the object that holds it', async () => {
		await exportAll(sample)
		await expectTruth(sample)
	})
})

describe('a product that is added as a row', () => {
	let bundles = ''
	beforeAll(async () => {
		bundles = await mkdtemp(join(tmpdir(), 'fifth-product-'))
		await buildWithRow(bundles)
	})
	afterAll(() => rm(bundles, { recursive: true }))
	beforeEach(() => start(INVENTED, bundles))
	afterEach(() => world.stop())

	it('is exported like the others', async () => {
		await exportAll(INVENTED)
		await expectTruth(INVENTED)
	})
})

/** The functions as they are, but for one row more in the table of products. */
async function buildWithRow(outdir: string): Promise<void> {
	const plugin: NonNullable<typeof buildOptions.plugins>[number] = {
		name: 'one-row-more',
		setup: (builder) => {
			builder.onLoad({ filter: /lib\/products\.ts$/ }, async ({ path }) => {
				const text = await readFile(path, 'utf8')
				const end = '} as const satisfies Record<string, ProductRow>'
				expect(text.split(end)).toHaveLength(2)
				return { contents: text.replace(end, `${INVENTED_ROW}${end}`), loader: 'ts' }
			})
		},
	}
	await build({ ...buildOptions, outdir, plugins: [plugin, ...(buildOptions.plugins ?? [])] })
}
