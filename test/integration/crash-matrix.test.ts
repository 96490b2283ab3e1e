import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { gateWith, type Intercept } from '../gate.ts'
import { takeOutcomes } from './outcomes.ts'
import { endLeases, readExports } from './table.ts'

let cloud: Cloud | undefined
afterEach(async () => {
	await cloud?.stop()
	cloud = undefined
})

interface CrashPoint {
	name: string
	/** The n-th such call, just before or just after it takes effect. */
	at?: { call: Call; nth: number; phase: 'before' | 'after' }
	/** Inside NCP, after it received the call: before or after it performed it. */
	inNcp?: 'hang' | 'perform-then-hang'
	state: 'accepted' | 'unknown'
	performed: number
}

type Call = 'write' | 'take' | 'publish' | 'keep'

const CLAIM = { call: 'write', nth: 1 } as const
/** Asks for the destination. */
const TAKE = { call: 'take', nth: 1 } as const
const SETTLE = { call: 'write', nth: 2 } as const
const PUBLISH = { call: 'publish', nth: 1 } as const
/** Sets the expiry of an ended export to the end of its deduplication. */
const KEEP = { call: 'keep', nth: 1 } as const

const CALLS: Readonly<Record<string, Call>> = {
	PutItem: 'write',
	PutDestination: 'take',
	PublishBatch: 'publish',
	UpdateItem: 'keep',
}

/**
 * After a crash between claim and settle, it is not known whether NCP was called. Only there does the export end
 * unknown, and NCP is not called again.
 */
const POINTS: CrashPoint[] = [
	{ name: 'received, not claimed', at: { ...CLAIM, phase: 'before' }, state: 'accepted', performed: 1 },
	{ name: 'claimed, not sent', at: { ...CLAIM, phase: 'after' }, state: 'unknown', performed: 0 },
	{
		name: 'claimed, destination not taken',
		at: { ...TAKE, phase: 'before' },
		state: 'unknown',
		performed: 0,
	},
	{ name: 'claimed, destination taken', at: { ...TAKE, phase: 'after' }, state: 'unknown', performed: 0 },
	{ name: 'sent, not performed', inNcp: 'hang', state: 'unknown', performed: 0 },
	{ name: 'performed, not replied', inNcp: 'perform-then-hang', state: 'unknown', performed: 1 },
	{ name: 'replied, not settled', at: { ...SETTLE, phase: 'before' }, state: 'unknown', performed: 1 },
	{ name: 'settled, not published', at: { ...SETTLE, phase: 'after' }, state: 'accepted', performed: 1 },
	{ name: 'publishing', at: { ...PUBLISH, phase: 'before' }, state: 'accepted', performed: 1 },
	{
		name: 'published, not acknowledged',
		at: { ...PUBLISH, phase: 'after' },
		state: 'accepted',
		performed: 1,
	},
	{
		name: 'published, expiry not changed',
		at: { ...KEEP, phase: 'before' },
		state: 'accepted',
		performed: 1,
	},
	{ name: 'published, expiry changed', at: { ...KEEP, phase: 'after' }, state: 'accepted', performed: 1 },
]

/** Kills every process of the function, and counts the kills. */
function createKiller() {
	let kills = 0
	const kill = (): void => {
		kills++
		void cloud?.functions['on-queue-message'].kill()
	}
	return { kill, kills: () => kills }
}

/** Kills the function at a call, whose answer is then lost. */
function killAt(at: NonNullable<CrashPoint['at']>, killer: ReturnType<typeof createKiller>): Intercept {
	const seen = new Map<Call | undefined, number>()
	const claimed = Promise.withResolvers<void>()
	return async ({ operation }, phase) => {
		const call = CALLS[operation]
		if (call === 'write' && phase === 'after') claimed.resolve()
		if (phase === 'before') seen.set(call, (seen.get(call) ?? 0) + 1)
		if (killer.kills() > 0 || call !== at.call || phase !== at.phase || seen.get(call) !== at.nth) return
		// The two are written side by side.
		if (call === 'take') await claimed.promise
		killer.kill()
		throw new Error('the caller was killed')
	}
}

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

describe('a function killed between two steps', () => {
	it.each(POINTS)(
		'$name: ends $state, exports performed by NCP: $performed',
		async ({ at, inNcp, state, performed }) => {
			const killer = createKiller()
			const intercept: Intercept = at === undefined ? () => undefined : killAt(at, killer)
			cloud = await startCloud({
				isQueueIdle: true,
				visibilitySeconds: 1,
				onProblem: () => undefined,
				proxy: gateWith(intercept),
				simulator: {
					fault: () => {
						if (inNcp === undefined || killer.kills() > 0) return undefined
						killer.kill()
						return inNcp
					},
				},
			})
			const { aws, requestQueue, outcomeQueue, ncp, table } = cloud
			const body = JSON.stringify(REQUEST)
			await aws.sqs.send(new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody: body }))

			await cloud.pollOnce()
			expect(killer.kills()).toBe(1)
			await endLeases(table)
			// The queue delivers it again when the visibility time-out ends.
			expect(await cloud.pollOnce()).toBe(1)

			const isPublished = at?.call === 'keep' || (at?.call === 'publish' && at.phase === 'after')
			const copies = isPublished ? 2 : 1
			const events = await takeOutcomes(aws.sqs, outcomeQueue.url, copies)
			expect(events.map(({ data }) => data.state)).toEqual(Array(copies).fill(state))
			expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1)
			expect(events[0]?.data.terminal).toBe(true)
			expect(ncp?.performed).toHaveLength(performed)
			expect(await readExports(table)).toMatchObject([{ state, exportId: events[0]?.data.exportId }])
		},
	)

	it.each([
		{ name: 'claimed, rejection not stored', at: { ...SETTLE, phase: 'before' } },
		{ name: 'rejection stored, not published', at: { ...SETTLE, phase: 'after' } },
		{ name: 'claimed, answer about the destination lost', at: { ...TAKE, phase: 'after' } },
		{ name: 'published, not acknowledged', at: { ...PUBLISH, phase: 'after' } },
	] as const)('destination taken, $name: is rejected, and NCP is never called', async ({ at }) => {
		const killer = createKiller()
		const intercept = killAt(at, killer)
		let isOpen = false
		cloud = await startCloud({
			isQueueIdle: true,
			visibilitySeconds: 1,
			onProblem: () => undefined,
			proxy: gateWith(async (call, phase) => (isOpen ? intercept(call, phase) : undefined)),
		})
		const { aws, requestQueue, outcomeQueue, ncp, table } = cloud
		const send = (MessageBody: string) =>
			aws.sqs.send(new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody }))
		await send(JSON.stringify(REQUEST))
		await cloud.pollOnce()
		await takeOutcomes(aws.sqs, outcomeQueue.url, 1)

		isOpen = true
		await send(JSON.stringify({ ...REQUEST, cloudPostgresqlInstanceNo: '1234926' }))
		await cloud.pollOnce()
		expect(killer.kills()).toBe(1)
		await endLeases(table)
		expect(await cloud.pollOnce()).toBe(1)
		const copies = at.call === 'publish' ? 2 : 1
		const events = await takeOutcomes(aws.sqs, outcomeQueue.url, copies)
		for (const { data } of events)
			expect(data).toMatchObject({ state: 'rejected', error: { code: 'DESTINATION_TAKEN' } })
		expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1)
		expect(ncp?.performed).toHaveLength(1)
		const stored = (await readExports(table)).map(({ state }) => state)
		expect(stored.sort()).toEqual(['accepted', 'rejected'])
	})

	it('finished, not deleted from the queue: NCP performs it once, and it is published again', async () => {
		cloud = await startCloud({ isQueueIdle: true })
		const { functions, aws, outcomeQueue, ncp } = cloud
		const body = JSON.stringify(REQUEST)
		const event = { Records: [{ messageId: 'm-1', body, attributes: {}, messageAttributes: {} }] }
		for (let delivery = 0; delivery < 2; delivery++) {
			expect(await functions['on-queue-message'].invoke(event)).toEqual({
				ok: true,
				value: { batchItemFailures: [] },
			})
			await functions['on-queue-message'].kill()
		}
		const [first, second] = await takeOutcomes(aws.sqs, outcomeQueue.url, 2)
		expect(second).toEqual(first)
		expect(ncp?.performed).toHaveLength(1)
	})
})
