import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { rowOf } from '../../lib/products.ts'
import { fromApiRequest } from '../../lib/request/export-request.ts'
import {
	bodyOf,
	bytesOf,
	keysOf,
	type PlannedExport,
	plan,
	requestFor,
	type Stranger,
} from '../arrival/landing-plans.ts'
import { readExports } from './table.ts'
import { World } from './world.ts'

let world: World | undefined
afterEach(() => world?.stop())

const WORLDS = 20
const REFUSAL =
	'<responseError><returnCode>5001017</returnCode><returnMessage>no</returnMessage></responseError>'
const FAULTS = {
	accepted: undefined,
	lost: 'cut',
	'lost-undone': 'reset',
	refused: { httpStatus: 400, contentType: 'application/xml', body: REFUSAL },
} as const

/** Random plans, each with its own buckets and instances, so that one cloud can run them side by side. */
function samplePlans(seed: number): { exports: PlannedExport[]; strangers: Stranger[] } {
	const plans = fc.sample(plan, { seed, numRuns: WORLDS })
	return {
		exports: plans.flatMap(({ exports }, n) =>
			exports.map((each) => ({
				...each,
				instanceNo: `${n}${each.instanceNo}`,
				folderPath: each.folderPath?.replace(each.instanceNo, `${n}${each.instanceNo}`),
				bucketName: `b${n}-${each.bucketName}`,
				idempotencyKey: each.idempotencyKey && `${n}-${each.idempotencyKey}`,
			})),
		),
		strangers: plans.flatMap(({ strangers }, n) =>
			strangers.map((each) => ({ ...each, bucketName: `b${n}-${each.bucketName}` })),
		),
	}
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

it('names in every completed outcome an object that had the bytes of that backup when it was seen', async () => {
	const seed = Date.now() % 1_000_000
	const { exports, strangers } = samplePlans(seed)
	const due: { minute: number; run: () => Promise<unknown> }[] = []
	let minute = 0
	const isOf = (planned: PlannedExport, instanceNo: string, fileName: string): boolean =>
		planned.instanceNo === instanceNo && planned.fileName === fileName
	const started = await World.start({
		simulator: {
			instances: new Map(
				exports.map(({ product, instanceNo }) => [
					instanceNo,
					{
						product: rowOf(product).path,
						regionCode: 'KR',
						backups: new Set(exports.map(({ fileName }) => fileName)),
					},
				]),
			),
			buckets: new Set([...exports, ...strangers].map(({ bucketName }) => bucketName)),
			fault: ({ instanceNo, fileName, nth }) => {
				const planned = exports.find((each) => isOf(each, instanceNo, fileName))
				return planned === undefined || nth > 1 ? undefined : FAULTS[planned.reply]
			},
			// The simulator asks for the object's own place; the plan decides where it lies, and when.
			copy: async (bucketName, key, body) => {
				const planned = exports.find(
					(each) =>
						each.bucketName === bucketName &&
						(each.folderPath ?? '') + each.fileName === key &&
						body === bytesOf(each),
				)
				if (planned === undefined) throw new Error(`${key} is not in the plan`)
				for (const landsAt of keysOf(planned)) {
					const run = () => cloud.aws.putObject(bucketName, landsAt, bodyOf(planned))
					due.push({ minute: minute + planned.copyMinutes, run })
				}
			},
		},
	})
	world = started
	const { cloud } = started
	for (const planned of exports)
		due.push({ minute: planned.startMinute, run: () => started.send(requestFor(planned)) })
	for (const { bucketName, key, minute } of strangers)
		due.push({ minute, run: () => cloud.aws.putObject(bucketName, key, 'a stranger’s') })

	const isOpen = async () => (await readExports(cloud.table)).some(({ event }) => !isTerminal(event))
	for (; minute <= 60 || (await isOpen()); minute += minute < 20 ? 1 : 10) {
		expect(minute, `seed ${seed}: it does not end`).toBeLessThan(600)
		const now = due.filter((each) => each.minute <= minute)
		for (const each of now) {
			due.splice(due.indexOf(each), 1)
			await each.run()
		}
		await started.settle()
		await started.pass(minute < 20 ? 1 : 10, 10)
	}

	const terminal = started.events.filter(({ data }) => data.terminal)
	for (const { data } of terminal) {
		if (data.state !== 'completed' || data.object === null || data.request === null) continue
		expect(data.object.etag, `seed ${seed}: ${data.object.key}`).toBe(
			md5(bytesOf(fromApiRequest(data.request))),
		)
	}
	// Every export ends once.
	const ids = new Map(terminal.map(({ id, data }) => [data.exportId ?? id, id]))
	expect(new Set(terminal.map(({ id }) => id)).size, `seed ${seed}`).toBe(ids.size)
	// Each of the files is sent twice at most for each destination and idempotency key.
	const sent = new Map<string, number>()
	for (const { instanceNo, choices, bucketName, folderPath, fileName } of cloud.ncp?.performed ?? []) {
		const key = [instanceNo, ...Object.values(choices), bucketName, folderPath, fileName].join(' ')
		sent.set(key, (sent.get(key) ?? 0) + 1)
	}
	for (const [key, count] of sent) {
		const planned = exports.filter(
			({ instanceNo, chosen, bucketName, folderPath = '', fileName }) =>
				[instanceNo, ...Object.values(chosen), bucketName, folderPath, fileName].join(' ') === key,
		)
		const keys = new Set(planned.map(({ idempotencyKey }) => idempotencyKey))
		expect(count, `seed ${seed}: ${key}`).toBeLessThanOrEqual(2 * keys.size)
	}
	expect(new Set(terminal.map(({ data }) => data.state))).toContain('completed')
})

function isTerminal(event: unknown): boolean {
	return typeof event === 'string' && JSON.parse(event).data.terminal === true
}
