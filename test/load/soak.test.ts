import { expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import type { Fault } from '../../tools/local/ncp-simulator.ts'
import { readOutcomes } from '../../tools/local/outcomes.ts'
import { endLeases, readExports } from '../integration/table.ts'

const EXPORTS = 500
const COPIES = 20
const INSTANCES = 50
/** The fraction of calls that each NCP fault affects; publishing fails as often. */
const FAULT_RATE = 0.05
const FAULTS: Fault[] = [
	'throttle',
	'busy',
	'unavailable',
	'fail',
	'hang',
	'perform-then-hang',
	'cut',
	'reset',
]

/** A generator with the same numbers in every run. https://en.wikipedia.org/wiki/Linear_congruential_generator */
function createRandom(seed: number): () => number {
	let state = seed
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
		return state / 2 ** 32
	}
}

function shuffle<T>(items: T[], random: () => number): T[] {
	for (let last = items.length - 1; last > 0; last--) {
		const other = Math.floor(random() * (last + 1))
		;[items[last], items[other]] = [items[other] as T, items[last] as T]
	}
	return items
}

interface Message {
	messageId: string
	body: string
	receiveCount: number
}

const toRecord = ({ messageId, body, receiveCount }: Message) => ({
	messageId,
	body,
	receiptHandle: messageId,
	attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '1' },
	messageAttributes: {},
})

function createMessages(): Message[] {
	return Array.from({ length: EXPORTS * COPIES }, (_, n) => {
		const index = n % EXPORTS
		const request = {
			cloudPostgresqlInstanceNo: `${1000 + (index % INSTANCES)}`,
			fileName: `f${index}`,
			bucketName: 'my-bucket',
		}
		return { messageId: `m${n}`, body: JSON.stringify(request), receiveCount: 1 }
	})
}

/** Delivers all messages in batches of ten, two at a time; resolves with those to deliver again. */
async function deliverAll(cloud: Cloud, messages: Message[], onBatch: () => void): Promise<Message[]> {
	const batches = Array.from({ length: Math.ceil(messages.length / 10) }, (_, n) =>
		messages.slice(n * 10, n * 10 + 10),
	)
	const again: Message[] = []
	const work = async (): Promise<void> => {
		for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
			onBatch()
			const result = await cloud.functions['on-queue-message'].invoke({ Records: batch.map(toRecord) })
			const failures = result.ok
				? (result.value as { batchItemFailures: { itemIdentifier: string }[] }).batchItemFailures
				: null
			const failed = new Set(failures?.map(({ itemIdentifier }) => itemIdentifier))
			again.push(...batch.filter(({ messageId }) => failures === null || failed.has(messageId)))
		}
	}
	await Promise.all([work(), work()])
	return again.map((message) => ({ ...message, receiveCount: message.receiveCount + 1 }))
}

it('ends 500 exports from 10,000 messages in one state each, performs none twice and leaks no memory', async () => {
	const random = createRandom(20261123)
	const backups = new Set(Array.from({ length: EXPORTS }, (_, n) => `f${n}`))
	const cloud = await startCloud({
		isQueueIdle: true,
		onProblem: () => undefined,
		env: { NCP_TIMEOUT_MS: '150', LOG_LEVEL: 'CRITICAL' },
		simulator: {
			instances: new Map(
				Array.from({ length: INSTANCES }, (_, n) => [`${1000 + n}`, { regionCode: 'KR', backups }]),
			),
			fault: () => FAULTS[Math.floor(random() / FAULT_RATE)],
			copy: async () => undefined,
		},
	})
	const events = new Map<string, string>()
	const states = new Map<string, Set<string>>()
	const reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event: OutcomeEvent) => {
		const text = JSON.stringify(event)
		expect(events.get(event.id) ?? text).toBe(text)
		events.set(event.id, text)
		const file = event.data.request?.fileName ?? ''
		states.set(file, (states.get(file) ?? new Set()).add(event.data.state))
	})
	let batches = 0
	const onBatch = (): void => {
		batches++
		if (random() < FAULT_RATE) cloud.aws.failPublishes(1)
		if (batches === 40) void cloud.functions['on-queue-message'].kill()
	}

	try {
		const messages = shuffle(createMessages(), random)
		const early = await deliverAll(cloud, messages.splice(0, 2_000), onBatch)
		const warmBytes = Math.max(
			...(await cloud.functions['on-queue-message'].memory()).map(({ heapBytes }) => heapBytes),
		)
		let left = [...early, ...messages]
		for (let round = 1; left.length > 0 && round <= 20; round++) {
			left = await deliverAll(cloud, left, onBatch)
			// The next round starts after all leases have expired.
			await endLeases(cloud.table)
		}
		const endBytes = Math.max(
			...(await cloud.functions['on-queue-message'].memory()).map(({ heapBytes }) => heapBytes),
		)
		await cloud.quiesce()
		await reader.stop()
		const items = await readExports(cloud.table)
		const performed = cloud.ncp?.performed.map(({ fileName }) => fileName) ?? []

		expect(left).toEqual([])
		expect(items).toHaveLength(EXPORTS)
		expect(
			new Set(items.map(({ state }) => state)).difference(new Set(['accepted', 'unknown', 'exhausted'])).size,
		).toBe(0)
		expect(states.size).toBe(EXPORTS)
		expect([...states.values()].filter(({ size }) => size !== 1)).toEqual([])
		expect(new Set(performed).size).toBe(performed.length)
		// The heap after a fifth of the messages and at the end must not differ much.
		expect(endBytes - warmBytes).toBeLessThan(1024 * 1024)
	} finally {
		await cloud.stop()
	}
}, 110_000)
