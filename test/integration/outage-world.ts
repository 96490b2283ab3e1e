import { expect } from 'vitest'
import { numbersFor } from '../../tools/template/numbers.ts'
import { type Service, World } from './world.ts'

const HOUR_MS = 60 * 60_000
const COUNT = 50
const FILES = Array.from({ length: COUNT }, (_, n) => `file-${n}`)

const instances = new Map(
	FILES.map((file, index) => [`${1_000 + index}`, { regionCode: 'KR', backups: new Set([file]) }]),
)

export interface Outage {
	service: Service
	fromHour: number
	toHour: number
}

/** Starts a world with the default deployment parameters, in which services are down for hours. */
export async function startInOutage(outages: readonly Outage[]): Promise<World> {
	let startedMs = 0
	const { maxReceiveCount, arrivalReceiveCount, visibilitySeconds } = numbersFor({
		retryHours: 4,
		arrivalDeadlineMinutes: 120,
	})
	const world = await World.start({
		maxReceiveCount,
		arrivalReceiveCount,
		visibilitySeconds,
		simulator: { instances },
		isDown: (service) => {
			const hour = (Date.now() - startedMs) / HOUR_MS
			return outages.some((each) => each.service === service && hour >= each.fromHour && hour < each.toHour)
		},
	})
	startedMs = Date.now()
	return world
}

/** Sends fifty requests, five at a time, spread over `hours`, so that each outage affects exports at every step. */
export async function sendFifty(world: World, hours: number): Promise<void> {
	const everyMinutes = (hours * 60) / (COUNT / 5)
	for (const [index, fileName] of FILES.entries()) {
		await world.send({ cloudPostgresqlInstanceNo: `${1_000 + index}`, fileName, bucketName: 'my-bucket' })
		if (index % 5 === 4) await world.pass(everyMinutes, everyMinutes / 3)
	}
	// Enough for the longest wait and the first arrival checks.
	await world.pass(60, 5)
}

/** Expects no dead letters, and that each export was performed once and has one terminal event. */
export async function expectFiftyCompleted(world: World): Promise<void> {
	expect(await world.deadLetters()).toEqual([])
	expect(world.cloud.ncp?.performed.map(({ fileName }) => fileName).sort()).toEqual([...FILES].sort())
	const contents = new Map<string, Set<string>>()
	for (const event of world.events)
		contents.set(event.id, (contents.get(event.id) ?? new Set()).add(JSON.stringify(event)))
	expect([...contents.values()].every(({ size }) => size === 1)).toBe(true)
	const terminal = [...contents.keys()].filter((id) => !/\/(accepted|unknown)$/.test(id))
	expect(terminal).toHaveLength(COUNT)
	expect(terminal.every((id) => id.endsWith('/completed'))).toBe(true)
	expect(new Set(terminal.map((id) => id.split('/')[0])).size).toBe(COUNT)
}
