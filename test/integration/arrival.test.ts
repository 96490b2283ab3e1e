import { createServer } from 'node:http'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import { close, listen } from '../../tools/local/listen.ts'
import type { Landing } from '../../tools/local/ncp-simulator.ts'
import type { Intercept } from '../gate.ts'
import { gateWith } from '../gate.ts'
import { takeOutcomes } from './outcomes.ts'

let cloud: Cloud
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	await cloud.stop()
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

const FILE = '20210528'
const ONE_SECOND = 1 / 60

function start(landing: Landing, options: CloudOptions = {}): Promise<Cloud> {
	const instances = new Map([['1', { regionCode: 'KR', backups: new Set([FILE]), landing }]])
	return startCloud({
		maxBackOffSeconds: 1,
		visibilitySeconds: 1,
		arrivalDeadlineMinutes: 120,
		...options,
		simulator: { instances, copyDelayMs: 10, ...options.simulator },
	})
}

async function send(more: object = {}): Promise<void> {
	const request = { cloudPostgresqlInstanceNo: '1', fileName: FILE, bucketName: 'my-bucket' }
	const body = JSON.stringify({ ...request, ...more })
	await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl: cloud.requestQueue.url, MessageBody: body }))
}

/** The outcomes up to the first terminal one. */
async function outcomes(): Promise<OutcomeEvent[]> {
	const events: OutcomeEvent[] = []
	while (!events.at(-1)?.data.terminal)
		events.push(...(await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)))
	return events
}
const statesOf = (events: OutcomeEvent[]) => [...new Set(events.map(({ data }) => data.state))]

describe('an export, from the queue to its last outcome', () => {
	it.each([
		['plain', FILE, '{fileName}'],
		['with-ending', `${FILE}.tar.gz`, '{fileName}'],
		['under-prefix', `exports/2026/${FILE}`, 'exports/'],
	] as const)('ends completed when the file lands %s', async (landing, key, ARRIVAL_KEY_PREFIX) => {
		cloud = await start(landing, { env: { ARRIVAL_KEY_PREFIX } })
		await send()
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['accepted', 'completed'])
		expect(events.at(-1)?.data.object).toMatchObject({ key, size: 20 })
		expect(await cloud.aws.readObject('my-bucket', key)).toBe(`backup ${FILE} of 1`)
	})

	it('asks for the folder of the request, and is proved by the object in it alone', async () => {
		cloud = await start('plain', { arrivalDeadlineMinutes: ONE_SECOND })
		await send({ folderPath: 'nightly/1' })
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['accepted', 'completed'])
		expect(cloud.ncp?.performed).toMatchObject([{ folderPath: 'nightly/1/' }])
		expect(events.at(-1)).toMatchObject({
			subject: `my-bucket/nightly/1/${FILE}`,
			data: { request: { folderPath: 'nightly/1/' }, object: { key: `nightly/1/${FILE}` } },
		})
	})

	it('is not proved by the copy of another instance in another folder', async () => {
		const instances = new Map([
			['1', { regionCode: 'KR', backups: new Set([FILE]), landing: 'never' as const }],
			['2', { regionCode: 'KR', backups: new Set([FILE]) }],
		])
		cloud = await start('never', {
			arrivalDeadlineMinutes: ONE_SECOND,
			env: { FOLDER_PATH: '{instanceNo}/' },
			simulator: { instances },
		})
		await send({ cloudPostgresqlInstanceNo: '2' })
		expect((await outcomes()).at(-1)?.data).toMatchObject({
			state: 'completed',
			object: { key: `2/${FILE}` },
		})
		expect(await cloud.aws.readObject('my-bucket', `2/${FILE}`)).toBe(`backup ${FILE} of 2`)
		await send()
		expect((await outcomes()).at(-1)?.data).toMatchObject({
			state: 'missing',
			request: { folderPath: '1/' },
			object: null,
		})
	})

	it('ends unverified when NCP ignores the folder: the object may be another export’s', async () => {
		cloud = await start('ignoring-folder', { arrivalDeadlineMinutes: ONE_SECOND })
		await send({ folderPath: 'nightly/1' })
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['accepted', 'unverified'])
		expect(events.at(-1)?.data).toMatchObject({
			error: { code: 'OBJECT_AMBIGUOUS' },
			object: null,
			candidates: [FILE],
		})
	})

	it('is not sent once more when its reply was lost and NCP ignored the folder', async () => {
		cloud = await start('ignoring-folder', {
			arrivalDeadlineMinutes: 2 * ONE_SECOND,
			env: { UNKNOWN_RESEND_MINUTES: String(ONE_SECOND) },
			simulator: { fault: () => 'cut' },
		})
		await send({ folderPath: 'nightly/1' })
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['unknown', 'unverified'])
		expect(cloud.ncp?.calls()).toBe(1)
	})

	it('ends completed when the file lands late', async () => {
		cloud = await start('plain', { simulator: { copyDelayMs: 2_500 } })
		await send()
		expect(statesOf(await outcomes())).toEqual(['accepted', 'completed'])
	})

	it('ends unverified when the file lands in an unexpected place, and the error names the prefix that fits', async () => {
		cloud = await start('under-prefix', { arrivalDeadlineMinutes: ONE_SECOND })
		await send()
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['accepted', 'unverified'])
		expect(events.at(-1)?.data).toMatchObject({
			error: {
				code: 'OBJECT_AMBIGUOUS',
				message: expect.stringContaining('set ARRIVAL_KEY_PREFIX to exports/2026/{fileName}'),
			},
			object: null,
			candidates: [`exports/2026/${FILE}`],
		})
	})

	it.each(['never', 'empty', 'renamed'] as const)('ends missing when the file lands %s', async (landing) => {
		cloud = await start(landing, { arrivalDeadlineMinutes: ONE_SECOND })
		await send()
		expect(statesOf(await outcomes())).toEqual(['accepted', 'missing'])
	})

	it('ends unverified when access to the bucket is denied', async () => {
		const server = createServer((_request, response) =>
			response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>'),
		)
		const url = await listen(server)
		cleanups.push(() => close(server))
		cloud = await start('plain', { arrivalDeadlineMinutes: ONE_SECOND, env: { OBJECT_STORAGE_URL: url } })
		await send()
		const events = await outcomes()
		expect(statesOf(events)).toEqual(['accepted', 'unverified'])
		expect(events.at(-1)?.data.error?.message).toContain('AccessDenied')
	})

	it('searches a large bucket in at most 20 pages and within 256 MB', async () => {
		let pages = 0
		const server = createServer((request, response) => {
			const query = new URL(request.url ?? '', 'http://s3').searchParams
			const from = Number(query.get('marker') ?? -1) + 1
			const to = query.get('prefix') ? from : Math.min(25_000, from + 1_000)
			pages++
			const contents = Array.from(
				{ length: to - from },
				(_, n) =>
					`<Contents><Key>${from + n}</Key><Size>1</Size><LastModified>2026-11-23T00:00:00Z</LastModified></Contents>`,
			)
			response.writeHead(200, { 'content-type': 'application/xml' })
			response.end(
				`<ListBucketResult><Name>my-bucket</Name><IsTruncated>${to > from && to < 25_000}</IsTruncated>${contents.join('')}</ListBucketResult>`,
			)
		})
		const url = await listen(server)
		cleanups.push(() => close(server))
		cloud = await start('plain', {
			arrivalDeadlineMinutes: ONE_SECOND,
			env: { OBJECT_STORAGE_URL: url, ARRIVAL_KEY_PREFIX: 'exports/' },
		})
		await send()
		expect(statesOf(await outcomes())).toEqual(['accepted', 'unverified'])
		// And one page of what is under the prefix.
		expect(pages).toBe(21)
		const [memory] = (await cloud.arrivalFunction?.memory()) ?? []
		expect(memory?.peakBytes).toBeLessThan(256 * 1024 * 1024)
	})

	it('ends completed when only the reply was lost', async () => {
		cloud = await start('plain', { simulator: { fault: () => 'cut' } })
		await send()
		expect(statesOf(await outcomes())).toEqual(['unknown', 'completed'])
		expect(cloud.ncp?.calls()).toBe(1)
	})

	it('is sent once more when the call was lost and the file is not there', async () => {
		cloud = await start('plain', {
			simulator: { fault: ({ nth }) => (nth === 1 ? 'reset' : undefined) },
			env: { UNKNOWN_RESEND_MINUTES: String(ONE_SECOND) },
		})
		await send()
		expect(statesOf(await outcomes())).toEqual(['unknown', 'accepted', 'completed'])
		expect(cloud.ncp?.performed).toHaveLength(1)
	})
})

it('reports on a schedule how long ago an export of each instance arrived', async () => {
	const lines: string[] = []
	cloud = await start('plain', { onLine: (line) => lines.push(line) })
	await send()
	await outcomes()
	expect(
		await cloud.arrivalFunction?.invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event' }),
	).toMatchObject({ ok: true })
	await cloud.quiesce()
	const line = lines.find((each) => each.includes('MinutesSinceCompleted'))
	expect(JSON.parse(line ?? '{}')).toMatchObject({ instance: 'KR/1', MinutesSinceCompleted: 0 })
})

describe('an arrival check killed between two steps', () => {
	it.each([
		['checked, not settled', 'PutItem', 3, 'before'],
		['settled, not published', 'PutItem', 3, 'after'],
		['publishing', 'PublishBatch', 2, 'before'],
		['published, not acknowledged', 'PublishBatch', 2, 'after'],
	] as const)('%s: the export ends completed, with one id', async (_name, operation, nth, phase) => {
		const seen = new Map<string, number>()
		let kills = 0
		const intercept: Intercept = (call, when) => {
			if (when === 'before') seen.set(call.operation, (seen.get(call.operation) ?? 0) + 1)
			if (kills > 0 || call.operation !== operation || when !== phase || seen.get(operation) !== nth) return
			kills++
			void cloud.arrivalFunction?.kill()
			throw new Error('the caller was killed')
		}
		cloud = await start('plain', { proxy: gateWith(intercept), onProblem: () => undefined })
		await send()
		const events = [
			...(await outcomes()),
			...(phase === 'after' && operation === 'PublishBatch' ? await outcomes() : []),
		]
		expect(kills).toBe(1)
		expect(statesOf(events)).toEqual(['accepted', 'completed'])
		expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(2)
		expect(cloud.ncp?.performed).toHaveLength(1)
	})

	it('counted, next check not sent: the next check still happens', async () => {
		let writes = 0
		let kills = 0
		cloud = await start('plain', {
			onProblem: () => undefined,
			// The file arrives after the first check, which therefore counts itself and would send the next one.
			simulator: { copyDelayMs: 2_500 },
			proxy: gateWith(({ operation }, phase) => {
				if (operation !== 'PutItem' || phase !== 'after' || ++writes !== 3) return
				kills++
				void cloud.arrivalFunction?.kill()
				throw new Error('the caller was killed')
			}),
		})
		await send()
		expect(statesOf(await outcomes())).toEqual(['accepted', 'completed'])
		expect(kills).toBe(1)
	})

	it.each([
		['begun, not sent', 'hang', 0],
		['performed, not replied', 'perform-then-hang', 1],
	] as const)(
		'during a resend, %s: the request is never sent a third time',
		async (_name, fault, performed) => {
			let kills = 0
			cloud = await start('never', {
				onProblem: () => undefined,
				arrivalDeadlineMinutes: 4 * ONE_SECOND,
				env: { UNKNOWN_RESEND_MINUTES: String(ONE_SECOND) },
				simulator: {
					fault: ({ nth }) => {
						if (nth === 1) return 'reset'
						kills++
						void cloud.arrivalFunction?.kill()
						return fault
					},
				},
			})
			await send()
			expect(statesOf(await outcomes())).toEqual(['unknown', 'missing'])
			expect(kills).toBe(1)
			expect(cloud.ncp?.calls()).toBe(2)
			expect(cloud.ncp?.performed).toHaveLength(performed)
		},
	)
})
