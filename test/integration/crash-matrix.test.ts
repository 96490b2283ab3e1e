import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import type { Intercept } from '../gate.ts'
import { gateWith } from '../gate.ts'
import { takeOutcomes } from './outcomes.ts'
import { endLeases, readItems } from './table.ts'

let cloud: Cloud | undefined
afterEach(async () => {
	await cloud?.stop()
	cloud = undefined
})

interface CrashPoint {
	name: string
	/** The n-th call of this operation, just before or just after it takes effect. */
	at?: { operation: string; nth: number; phase: 'before' | 'after' }
	/** Inside NCP, after it received the call: before or after it performed it. */
	inNcp?: 'hang' | 'perform-then-hang'
	state: 'accepted' | 'unknown'
	performed: number
}

const CLAIM = { operation: 'PutItem', nth: 1 }
const SETTLE = { operation: 'PutItem', nth: 2 }
const PUBLISH = { operation: 'PublishBatch', nth: 1 }
/** Sets the expiry of an ended export to the end of its deduplication. */
const KEEP = { operation: 'UpdateItem', nth: 1 }

/**
 * After a crash between claim and settle, it is not known whether NCP was called. Only there does the export end
 * unknown, and NCP is not called again.
 */
const POINTS: CrashPoint[] = [
	{ name: 'received, not claimed', at: { ...CLAIM, phase: 'before' }, state: 'accepted', performed: 1 },
	{ name: 'claimed, not sent', at: { ...CLAIM, phase: 'after' }, state: 'unknown', performed: 0 },
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

describe('a function killed between two steps', () => {
	it.each(POINTS)(
		'$name: ends $state, exports performed by NCP: $performed',
		async ({ at, inNcp, state, performed }) => {
			const killer = createKiller()
			const seen = new Map<string, number>()
			const intercept: Intercept = ({ operation }, phase) => {
				if (phase === 'before') seen.set(operation, (seen.get(operation) ?? 0) + 1)
				if (
					killer.kills() > 0 ||
					operation !== at?.operation ||
					phase !== at.phase ||
					seen.get(operation) !== at.nth
				)
					return
				killer.kill()
				throw new Error('the caller was killed')
			}
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
			const body = JSON.stringify({
				cloudPostgresqlInstanceNo: '1234925',
				fileName: '20210528',
				bucketName: 'my-bucket',
			})
			await aws.sqs.send(new SendMessageCommand({ QueueUrl: requestQueue.url, MessageBody: body }))

			await cloud.pollOnce()
			expect(killer.kills()).toBe(1)
			await endLeases(table)
			// The queue delivers it again when the visibility time-out ends.
			expect(await cloud.pollOnce()).toBe(1)

			const isPublished =
				at?.operation === 'UpdateItem' || (at?.operation === 'PublishBatch' && at.phase === 'after')
			const copies = isPublished ? 2 : 1
			const events = await takeOutcomes(aws.sqs, outcomeQueue.url, copies)
			expect(events.map(({ data }) => data.state)).toEqual(Array(copies).fill(state))
			expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1)
			expect(events[0]?.data.terminal).toBe(true)
			expect(ncp?.performed).toHaveLength(performed)
			expect(await readItems(table)).toMatchObject([{ state, exportId: events[0]?.data.exportId }])
		},
	)

	it('finished, not deleted from the queue: NCP performs it once, and it is published again', async () => {
		cloud = await startCloud({ isQueueIdle: true })
		const { functions, aws, outcomeQueue, ncp } = cloud
		const body = JSON.stringify({
			cloudPostgresqlInstanceNo: '1234925',
			fileName: '20210528',
			bucketName: 'my-bucket',
		})
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
