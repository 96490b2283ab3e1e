import { afterEach, describe, expect, it } from 'vitest'
import { World, type WorldOptions } from './world.ts'

let world: World
afterEach(() => world.stop())

const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: '20210528', bucketName: 'my-bucket' }

async function start(landing: 'plain' | 'never', options: WorldOptions = {}): Promise<void> {
	const instances = new Map([['1', { regionCode: 'KR', backups: new Set([REQUEST.fileName]), landing }]])
	world = await World.start({ ...options, simulator: { instances, ...options.simulator } })
}

/** Sends the same request again, from a caller who does not wait. */
async function postAsync(body: object = REQUEST): Promise<Response> {
	return fetch(`${world.cloud.webhookUrl}/exports`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', prefer: 'respond-async' },
		body: JSON.stringify(body),
	})
}

const states = () => [...new Set(world.events.map(({ data }) => data.state))]

describe('an asynchronous duplicate', () => {
	it('that comes during an arrival check does not leave the export without a terminal state', async () => {
		let looks = 0
		await start('never', {
			intercept: async ({ operation }, phase) => {
				if (operation !== 'ListObjects' || phase !== 'after' || ++looks !== 3) return
				expect((await postAsync()).status).toBe(202)
			},
		})
		await world.send(REQUEST)
		await world.settle()
		await world.pass(130, 1)
		expect(looks).toBeGreaterThan(3)
		expect(states()).toEqual(['accepted', 'missing'])
		expect(world.cloud.ncp?.performed).toHaveLength(1)
	})

	it('that comes while an unknown export is re-sent does not lose the second reply', async () => {
		await start('plain', {
			simulator: {
				fault: async ({ nth }) => {
					if (nth === 1) return 'reset'
					expect((await postAsync()).status).toBe(202)
					return undefined
				},
			},
		})
		await world.send(REQUEST)
		await world.settle()
		await world.pass(60, 1)
		expect(states()).toEqual(['unknown', 'accepted', 'completed'])
		expect(world.cloud.ncp?.calls()).toBe(2)
		expect(world.cloud.ncp?.performed).toHaveLength(1)
	})

	it('that comes during the call, with a deduplication of months, does not replace the claim', async () => {
		await start('plain', {
			env: { DEDUPLICATION_HOURS: '2000' },
			simulator: {
				fault: async () => {
					expect((await postAsync()).status).toBe(202)
					return undefined
				},
			},
		})
		const response = await fetch(`${world.cloud.webhookUrl}/exports`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(REQUEST),
		})
		expect(response.status).toBe(202)
		expect(await response.json()).toMatchObject({ data: { state: 'accepted' } })
		expect(world.cloud.ncp?.performed).toHaveLength(1)
	})

	it('of an ended export keeps it from expiring while its message is in the queue', async () => {
		await start('plain')
		await world.send(REQUEST)
		await world.settle()
		await world.pass(23.5 * 60, 30)
		expect(states()).toEqual(['accepted', 'completed'])
		const { exportId } = (await (await postAsync()).json()) as { exportId: string }
		// No message is delivered for longer than the export would have been kept.
		await world.passUnattended(60)
		await world.settle()
		expect(world.events.at(-1)?.id).toBe(`${exportId}/completed`)
		expect(world.cloud.ncp?.performed).toHaveLength(1)
	})
})

describe('an export after a long outage', () => {
	it('is checked even if its checks were not delivered for 25 hours', async () => {
		await start('plain')
		await world.send(REQUEST)
		await world.settle()
		await world.passUnattended(25 * 60)
		await world.settle()
		expect(states()).toEqual(['accepted', 'completed'])
	})

	it('is published in a new message, and performed once, after the topic was down for 26 hours', async () => {
		let isDown = true
		await start('plain', { maxReceiveCount: 3, isDown: (service) => isDown && service === 'topic' })
		await world.send(REQUEST)
		await world.settle()
		await world.pass(26 * 60, 30)
		expect(world.events).toEqual([])
		isDown = false
		await world.pass(60, 15)
		expect(await world.deadLetters()).toEqual([])
		expect(states()).toEqual(['accepted', 'completed'])
		expect(world.cloud.ncp?.performed).toHaveLength(1)
	})

	it('publishes its last outcome even if the topic was down for longer than a check is retried', async () => {
		let isDown = false
		await start('plain', {
			arrivalReceiveCount: 3,
			visibilitySeconds: 360,
			isDown: (service) => isDown && service === 'topic',
		})
		await world.send(REQUEST)
		await world.settle()
		isDown = true
		await world.pass(26 * 60, 30)
		expect(states()).toEqual(['accepted'])
		isDown = false
		await world.pass(60, 15)
		expect(await world.deadLetters()).toEqual([])
		expect(states()).toEqual(['accepted', 'completed'])
	})

	it('publishes "exhausted" when the topic is back, and keeps the message for a redrive', async () => {
		let isTopicDown = true
		await start('plain', {
			maxReceiveCount: 3,
			isDown: (service) => service === 'ncp' || (isTopicDown && service === 'topic'),
		})
		await world.send(REQUEST)
		await world.settle()
		await world.pass(60, 5)
		isTopicDown = false
		await world.pass(30, 5)
		expect(states()).toEqual(['exhausted'])
		expect(new Set(world.events.map((event) => JSON.stringify(event))).size).toBe(1)
		expect(await world.deadLetters()).toEqual([REQUEST])
	})

	it('fails a check with EXPORT_GONE when its entry is gone', async () => {
		const lines: string[] = []
		await start('plain', { onLine: (line) => lines.push(line) })
		await world.send(REQUEST)
		await world.settle()
		await world.forgetAll()
		await world.pass(2)
		const line = lines.find((each) => each.includes('check not finished'))
		expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'WARN', code: 'EXPORT_GONE', check: 0 })
		expect(await world.hasArrivalMessages()).toBe(true)
	})
})

it('backs off from a bad message whose dead-letter queue does not answer', async () => {
	await start('plain', {
		maxReceiveCount: 41,
		// How long the message would stay hidden without a back-off.
		visibilitySeconds: 15,
		intercept: ({ operation, body }, phase) => {
			if (phase === 'before' && operation === 'SendMessage' && body.includes('export-requests-dead'))
				throw new Error('down')
		},
	})
	await world.send({ fileName: 'no more than that' })
	await world.settle()
	await world.pass(23, 0.25)
	// Waits of at least 5 s, doubled each time.
	expect(world.events.length).toBeGreaterThan(1)
	expect(world.events.length).toBeLessThanOrEqual(9)
	expect(new Set(world.events.map((event) => JSON.stringify(event))).size).toBe(1)
})
