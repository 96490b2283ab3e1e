import { afterEach, expect, it } from 'vitest'
import { expectFiftyCompleted, sendFifty, startInOutage } from '../integration/outage-world.ts'
import type { World } from '../integration/world.ts'

let world: World
afterEach(() => world.stop())

it('completes fifty exports while NCP, the topic, the table and the arrival queue are down one after another', async () => {
	world = await startInOutage([
		{ service: 'ncp', fromHour: 0, toHour: 2 },
		{ service: 'topic', fromHour: 2, toHour: 4 },
		{ service: 'table', fromHour: 4, toHour: 5 },
		{ service: 'arrivals', fromHour: 5, toHour: 6 },
	])
	await sendFifty(world, 6)
	await expectFiftyCompleted(world)
	const said = new Set(world.events.map(({ data }) => data.state))
	expect([...said].sort()).toEqual(['accepted', 'completed'])
}, 60_000)
