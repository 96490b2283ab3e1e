import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MockAgent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials, rotatingCredentials } from '../../lib/ncp/key-pair.ts'
import { createLists, type ListsOptions } from '../../lib/ncp/lists.ts'
import { LISTED_PRODUCTS, rowOf } from '../../lib/products.ts'
import { type SimulatorOptions, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'

const KEYS = { accessKey: 'AK', secretKey: 'SK' }
const QUERY = { product: 'postgresql', regionCode: 'KR' } as const
const NOW = Date.UTC(2026, 10, 25, 3)

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

const createInstances = (count: number, name?: string): SimulatorOptions['instances'] =>
	new Map(
		Array.from({ length: count }, (_, index) => [
			String(1_000_000 + index),
			{
				regionCode: 'KR',
				backups: new Set(['20261123', '20261124']),
				...(name === undefined ? {} : { name: `${name}-${index}` }),
			},
		]),
	)

async function simulate(options: Partial<SimulatorOptions> = {}) {
	const simulator = await startNcpSimulator({
		keys: new Map([['AK', 'SK']]),
		instances: createInstances(3),
		buckets: new Set(),
		...options,
	})
	cleanups.push(simulator.stop)
	return simulator
}

const createClient = (apiUrl: string, options: Partial<ListsOptions> = {}) =>
	createLists({
		apiUrl,
		credentials: fixedCredentials(KEYS),
		clock: createClock(Date.now),
		timeoutMs: 5_000,
		sleep: async () => undefined,
		random: () => 0.5,
		...options,
	})

describe('createLists', () => {
	it.each(['POST', 'GET'] as const)(
		'lists from a gateway with an independent implementation: %s',
		async (method) => {
			const firstMs = Date.UTC(2026, 10, 23, 17)
			const daily = { firstMs, retentionDays: 7, minutesRunning: 12 * 60 }
			const { url, listCalls, calls } = await simulate({
				now: () => NOW,
				instances: new Map([
					['1', { regionCode: 'KR', backups: new Set(), name: 'a & <b> 가', daily }],
					['2', { regionCode: 'KR', backups: new Set(), status: 'DEL' }],
					['3', { regionCode: 'JPN', backups: new Set() }],
				]),
			})
			const { listInstances, listBackups } = createClient(url, { method, clock: createClock(() => NOW) })
			expect(await listInstances(QUERY, 10_000)).toEqual([
				{ instanceNo: '1', name: 'a & <b> 가', isThere: true },
				{ instanceNo: '2', name: 'db-2', isThere: false },
			])
			const size = { sizeBytes: 571_482_767 }
			expect(await listBackups({ ...QUERY, instanceNo: '1' }, 10_000)).toEqual([
				{ fileName: '20261124', startedAtMs: firstMs, endedAtMs: firstMs + 12 * 3_600_000, ...size },
				{ fileName: '20261125', startedAtMs: firstMs + 24 * 3_600_000, endedAtMs: null, ...size },
			])
			expect(await listBackups({ ...QUERY, instanceNo: '2' }, 10_000)).toEqual([])
			expect([listCalls(), calls()]).toEqual([3, 0])
		},
	)

	it.each(LISTED_PRODUCTS)(
		'lists the instances and backups of %s, and of no other product',
		async (product) => {
			const listed = { regionCode: 'KR', backups: new Set(['20261124']) }
			const instances = new Map([
				['1', { ...listed, product: 'vpostgresql' }],
				['2', { ...listed, product: 'vmysql' }],
			])
			const { url } = await simulate({ instances })
			const { listInstances, listBackups } = createClient(url)
			const [instance, ...more] = await listInstances({ ...QUERY, product }, 10_000)
			expect(more).toEqual([])
			expect(instances.get(instance?.instanceNo ?? '')?.product).toBe(rowOf(product).path)
			const query = { ...QUERY, product, instanceNo: instance?.instanceNo ?? '' }
			expect(await listBackups(query, 10_000)).toMatchObject([{ fileName: '20261124' }])
		},
	)

	it('reads XML when NCP answers with XML', async () => {
		const agent = new MockAgent()
		agent.disableNetConnect()
		const row =
			'<cloudPostgresqlInstance><cloudPostgresqlInstanceNo>0012</cloudPostgresqlInstanceNo><cloudPostgresqlInstanceStatus><code>CREAT</code></cloudPostgresqlInstanceStatus></cloudPostgresqlInstance>'
		agent
			.get('https://ncp.example')
			.intercept({ path: '/vpostgresql/v2/getCloudPostgresqlInstanceList', method: 'POST' })
			.reply(
				200,
				`<r><returnCode>0</returnCode><totalRows>1</totalRows><cloudPostgresqlInstanceList>${row}</cloudPostgresqlInstanceList></r>`,
			)
		const { listInstances } = createClient('https://ncp.example', { createDispatcher: () => agent })
		expect(await listInstances(QUERY, 10_000)).toEqual([{ instanceNo: '0012', name: '', isThere: true }])
		agent.assertNoPendingInterceptors()
	})

	it('lists 10,000 instances in 100 calls, and keeps three fields of each', async () => {
		const { url, listCalls } = await simulate({ instances: createInstances(10_000, 'orders-database') })
		const { listInstances } = createClient(url)
		// Loads and compiles everything. Its list must be garbage before the second one is measured.
		expect(await listInstances(QUERY, 60_000).then(({ length }) => length)).toBe(10_000)
		const before = heapBytes()
		const list = await listInstances(QUERY, 60_000)
		const growth = heapBytes() - before
		expect(listCalls()).toBe(200)
		expect(new Set(list.map(({ instanceNo }) => instanceNo)).size).toBe(10_000)
		// A whole row takes more than 500 bytes.
		expect(growth / list.length).toBeLessThan(300)
	})

	it('takes a reply of 2 MiB, and none of 9 MiB', async () => {
		const { url } = await simulate({ instances: createInstances(100, 'x'.repeat(20_000)) })
		expect(await createClient(url).listInstances(QUERY, 10_000)).toHaveLength(100)
		const large = await simulate({ instances: createInstances(100, 'x'.repeat(90_000)) })
		await expect(createClient(large.url).listInstances(QUERY, 10_000)).rejects.toMatchObject({
			code: 'NCP_LATER',
			message: expect.stringContaining('larger than 8388608 bytes'),
		})
	})

	it('returns whole lists or NCP_LATER when half of the calls fail', async () => {
		const FAULTS = ['throttle', 'cut', 'nonsense', 'reset', 'unavailable'] as const
		const random = createRandom(7)
		const { url } = await simulate({
			instances: createInstances(250),
			listFault: () => (random() < 0.5 ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined),
		})
		const { listInstances, listBackups } = createClient(url)
		const endings = { whole: 0, later: 0 }
		for (let n = 0; n < 60; n++) {
			const listing =
				n % 2 === 0 ? listInstances(QUERY, 10_000) : listBackups({ ...QUERY, instanceNo: '1000000' }, 10_000)
			await listing.then(
				(list) => {
					endings.whole++
					expect(list).toHaveLength(n % 2 === 0 ? 250 : 2)
				},
				(error) => {
					endings.later++
					expect(error.code).toBe('NCP_LATER')
				},
			)
		}
		expect(endings.whole).toBeGreaterThan(0)
		expect(endings.later).toBeGreaterThan(0)
	})

	it('ends within its time when NCP does not answer', async () => {
		const { url } = await simulate({ listFault: () => 'hang' })
		const started = performance.now()
		const listing = createClient(url, { timeoutMs: 60_000 }).listInstances(QUERY, 200)
		await expect(listing).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(performance.now() - started).toBeLessThan(2_000)
	})

	it('corrects its clock, and reads a rotated key pair', async () => {
		const { url, listCalls } = await simulate({ now: () => Date.now() + 7 * 60_000 })
		expect(await createClient(url).listInstances(QUERY, 10_000)).toHaveLength(3)
		expect(listCalls()).toBe(2)
		let current = { accessKey: 'AK', secretKey: 'old' }
		const rotated = rotatingCredentials(
			async () => current,
			async () => {
				current = KEYS
				return current
			},
		)
		const now = await simulate()
		expect(await createClient(now.url, { credentials: rotated }).listInstances(QUERY, 10_000)).toHaveLength(3)
		expect(now.listCalls()).toBe(2)
	})

	it('says that the key pair is wrong, or cannot be read', async () => {
		const { url, listCalls } = await simulate()
		const wrong = createClient(url, { credentials: fixedCredentials({ ...KEYS, secretKey: 'wrong' }) })
		await expect(wrong.listInstances(QUERY, 10_000)).rejects.toMatchObject({ code: 'NCP_CREDENTIALS' })
		expect(listCalls()).toBe(1)
		const credentials = { ...fixedCredentials(KEYS), get: () => Promise.reject(new Error('no')) }
		const unread = createClient(url, { credentials })
		await expect(unread.listInstances(QUERY, 10_000)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' })
		expect(listCalls()).toBe(1)
	})

	it('shows no key in an error when NCP quotes the request', async () => {
		const keys = { accessKey: 'ACCESS-KEY', secretKey: 'SECRET-KEY' }
		const body = JSON.stringify({
			responseError: { returnCode: '77', returnMessage: 'for ACCESS-KEY SECRET-KEY' },
		})
		const { url } = await simulate({
			keys: new Map([['ACCESS-KEY', 'SECRET-KEY']]),
			listFault: () => ({ httpStatus: 400, contentType: 'application/json', body }),
		})
		const { listInstances } = createClient(url, { credentials: fixedCredentials(keys) })
		await expect(listInstances(QUERY, 10_000)).rejects.toMatchObject({
			code: 'NCP_REFUSED',
			message: expect.stringContaining('for *** ***'),
		})
	})
})

/** Different in each call, and the same in each run. */
function createRandom(seed: number): () => number {
	let state = seed
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
		return state / 2 ** 32
	}
}

function heapBytes(): number {
	setFlagsFromString('--expose-gc')
	runInNewContext('gc')()
	return process.memoryUsage().heapUsed
}
