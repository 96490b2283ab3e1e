import { afterEach, describe, expect, it } from 'vitest'
import { createCallAction } from '../../lib/ncp/call-action.ts'
import { createClock } from '../../lib/ncp/gateway-clock.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import type { ListCall } from '../../tools/local/ncp-lists.ts'
import { type SimulatorOptions, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'

const EXPORT = '/vpostgresql/v2/exportBackupToObjectStorage'
const INSTANCES = '/vpostgresql/v2/getCloudPostgresqlInstanceList'
const BACKUPS = '/vpostgresql/v2/getCloudPostgresqlBackupDetailList'
const DAY_MS = 24 * 3_600_000
/** Two in the morning in Korea, on 25 November. */
const FIRST = Date.UTC(2026, 10, 24, 17)

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function simulate(options: Partial<SimulatorOptions> = {}) {
	const { now = Date.now } = options
	const simulator = await startNcpSimulator({
		keys: new Map([['AK', 'SK']]),
		instances: new Map([['1', { regionCode: 'KR', backups: new Set(['20210528']) }]]),
		buckets: new Set(['my-bucket']),
		...options,
	})
	cleanups.push(simulator.stop)
	const callAction = createCallAction({
		apiUrl: simulator.url,
		credentials: fixedCredentials({ accessKey: 'AK', secretKey: 'SK' }),
		clock: createClock(now),
		timeoutMs: 5_000,
	})
	const call = (path: string, form: string) => callAction(path, form, 5_000)
	return { simulator, call }
}

const toForm = (fileName: string) => `fileName=${fileName}&bucketName=my-bucket&cloudPostgresqlInstanceNo=1`

describe('startNcpSimulator', () => {
	it('counts list calls apart from all others', async () => {
		const { simulator, call } = await simulate()
		expect((await call(EXPORT, toForm('20210528'))).kind).toBe('accepted')
		expect((await call(INSTANCES, '')).kind).toBe('accepted')
		expect((await call(BACKUPS, 'cloudPostgresqlInstanceNo=1')).kind).toBe('accepted')
		expect((await call('/vpostgresql/v2/getNothing', '')).code).toBe('300')
		expect([simulator.calls(), simulator.listCalls()]).toEqual([2, 2])
	})

	it('exports a daily backup once it has ended, and until it is taken away', async () => {
		let nowMs = FIRST
		const daily = { firstMs: FIRST, retentionDays: 2, minutesRunning: 10 }
		const instances = new Map([['1', { regionCode: 'KR', backups: new Set<string>(), daily }]])
		const { simulator, call } = await simulate({ instances, now: () => nowMs })
		const tryAt = async (ms: number) => {
			nowMs = ms
			const { kind, code } = await call(EXPORT, toForm('20261125'))
			return [kind, code]
		}
		expect(await tryAt(FIRST)).toEqual(['refused', '5001017'])
		expect(await tryAt(FIRST + 600_000)).toEqual(['accepted', '0'])
		expect(await tryAt(FIRST + 2 * DAY_MS - 1)).toEqual(['accepted', '0'])
		expect(await tryAt(FIRST + 2 * DAY_MS)).toEqual(['refused', '5001017'])
		expect(simulator.performed).toHaveLength(2)
	})

	it('asks for a fault and for quirks at each list call', async () => {
		const seen: ListCall[] = []
		const { call } = await simulate({
			listFault: (each) => {
				seen.push(each)
				return each.nth === 1 ? 'throttle' : undefined
			},
			listQuirks: ({ nth }) => ({ refusesEmpty: true, rootName: `call${nth}Response` }),
		})
		expect((await call(INSTANCES, 'regionCode=JPN')).code).toBe('410')
		expect((await call(INSTANCES, 'regionCode=JPN')).code).toBe('5001017')
		expect((await call(BACKUPS, 'cloudPostgresqlInstanceNo=1')).code).toBe('410')
		expect(seen).toEqual([
			{ action: 'getCloudPostgresqlInstanceList', nth: 1 },
			{ action: 'getCloudPostgresqlInstanceList', nth: 2 },
			{ action: 'getCloudPostgresqlBackupDetailList', instanceNo: '1', nth: 1 },
		])
	})

	it.each([
		['nonsense', { kind: 'unknown', httpStatus: 200, message: 'HTTP 200 without a readable answer' }],
		['cut', { kind: 'unknown', httpStatus: 200, message: expect.stringContaining('cut short') }],
		['reset', { kind: 'unknown', httpStatus: null }],
	] as const)('answers a list call with the fault %s', async (fault, expected) => {
		const { call } = await simulate({ listFault: () => fault })
		expect(await call(INSTANCES, '')).toMatchObject(expected)
	})
})
