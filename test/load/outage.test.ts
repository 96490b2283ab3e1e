import { afterEach, describe, it } from 'vitest'
import { expectFiftyCompleted, type Outage, sendFifty, startInOutage } from '../integration/outage-world.ts'
import type { World } from '../integration/world.ts'

let world: World
afterEach(() => world.stop())

describe('fifty exports are each performed once, with one terminal event and no dead letter', () => {
	it.each<[string, Outage]>([
		['NCP is down for two hours', { service: 'ncp', fromHour: 0, toHour: 2 }],
		['the topic is down for two hours', { service: 'topic', fromHour: 0, toHour: 2 }],
		['the table is down for one hour', { service: 'table', fromHour: 0, toHour: 1 }],
		['the arrival queue is down for one hour', { service: 'arrivals', fromHour: 0, toHour: 1 }],
	])(
		'while %s',
		async (_name, outage) => {
			world = await startInOutage([outage])
			await sendFifty(world, outage.toHour)
			await expectFiftyCompleted(world)
		},
		60_000,
	)
})
