import { describe, expect, it } from 'vitest'
import { createResendExport, mayResend } from '../../lib/arrival/resend-export.ts'
import { ExportError } from '../../lib/errors.ts'
import type { SettledEntry } from '../../lib/ledger/ledger.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'
import { type ArrivalPorts, type Finding, startProgress } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { writeOpen } from '../entries.ts'
import { createArrivalPorts, createMemoryLedger, left, overtake, replyWith } from '../fakes.ts'

const NOW = Date.UTC(2026, 10, 23)
const ABSENT: Finding = { kind: 'absent' }
const REQUEST: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1',
	fileName: 'f',
	bucketName: 'my-bucket',
}
const ACCEPTED = replyWith(200, { r: { requestId: 'r-2', returnCode: '0' } })

async function start(answer: Reply = ACCEPTED, changes: Partial<ArrivalPorts> = {}) {
	const ledger = createMemoryLedger()
	const entry = await writeOpen(ledger, 'unknown', NOW - 600_000)
	const stored = () => ledger.entries.get(entry.exportKey)
	const calls: unknown[] = []
	const scheduled: unknown[][] = []
	const progress = startProgress()
	const ports = createArrivalPorts({
		ledger,
		now: () => NOW,
		schedule: async (...args) => void scheduled.push(args),
		callNcp: async (request, timeoutMs) => {
			calls.push({ request, timeoutMs, resends: stored()?.resends })
			return answer
		},
		...changes,
	})
	const resend = (through = ports) => createResendExport(3, through, progress)(entry, REQUEST, ABSENT)
	return { ledger, ports, calls, scheduled, progress, stored, resend }
}

describe('mayResend', () => {
	it.each([
		['unknown', 0, true],
		['unknown', 1, false],
		['accepted', 0, false],
	] as const)('of an export that is %s, sent again %i times: %s', (state, resends, expected) => {
		expect(mayResend({ state, resends } as SettledEntry)).toBe(expected)
	})
})

describe('createResendExport', () => {
	it('counts the resend before it calls NCP, once', async () => {
		const { calls, resend } = await start()
		await resend()
		expect(calls).toEqual([{ request: REQUEST, timeoutMs: 21_000, resends: 1 }])
	})

	it('settles what NCP accepts as accepted, with a first check to come', async () => {
		const { scheduled, progress, stored, resend } = await start()
		const ending = await resend()
		expect(stored()).toMatchObject({
			state: 'accepted',
			attempts: 2,
			resends: 1,
			resentAtMs: NOW,
			nextCheck: 4,
			nextCheckAtMs: NOW + 30_000,
			event: {
				id: 'export-1/accepted',
				data: { terminal: false, attempts: 2, reply: { requestId: 'r-2' }, error: null },
			},
		})
		expect(ending).toEqual({
			kind: 'outcome',
			entry: stored(),
			candidates: [],
			next: { check: 4, delaySeconds: 30 },
		})
		// Asked for only once the outcome is published.
		expect(scheduled).toEqual([])
		expect(progress.reply).toBe(ACCEPTED)
	})

	it.each([
		['lost', toLostReply(true, 'ECONNRESET')],
		['refused', replyWith(400, { responseError: { returnCode: '5001017' } })],
	])('waits for the object, and never sends it a third time, when the reply is %s', async (_name, answer) => {
		const { scheduled, progress, stored, resend } = await start(answer)
		expect(await resend()).toMatchObject({ kind: 'waiting', finding: ABSENT, delaySeconds: 480 })
		expect(stored()).toMatchObject({
			state: 'unknown',
			attempts: 2,
			resends: 1,
			resentAtMs: NOW,
			nextCheck: 4,
		})
		expect(scheduled).toEqual([[{ exportKey: 'key', exportId: 'export-1', check: 4 }, 480]])
		expect(progress.reply).toBe(answer)
	})

	it.each([
		['later', replyWith(429, { error: { errorCode: '410' } })],
		['credentials', replyWith(401, { error: { errorCode: '200' } })],
		['unsent', toLostReply(false, 'ECONNREFUSED')],
	])('may be tried again when it was certainly not done: %s', async (_name, answer) => {
		const { scheduled, stored, resend } = await start(answer)
		expect(await resend()).toMatchObject({ kind: 'waiting' })
		expect(stored()).toMatchObject({ state: 'unknown', resends: 0, resentAtMs: 0, nextCheck: 4 })
		expect(scheduled).toHaveLength(1)
	})

	it('does not call NCP when writing has taken the time for it', async () => {
		const { calls, progress, stored, resend } = await start(ACCEPTED, { deadline: left(6_999) })
		expect(await resend()).toMatchObject({ kind: 'waiting' })
		expect(calls).toEqual([])
		expect(progress.reply).toBeNull()
		expect(stored()).toMatchObject({ resends: 0, nextCheck: 4 })
	})

	it('does not call NCP when another check was first', async () => {
		const { ledger, ports, calls, scheduled, resend } = await start()
		const overtaken = { ...ports, ledger: overtake(ledger, () => ({ nextCheck: 4, resends: 1 })) }
		expect(await resend(overtaken)).toEqual({ kind: 'stale' })
		expect([...calls, ...scheduled]).toEqual([])
	})

	it('leaves an export alone that another check has moved on during the call', async () => {
		const { ledger, ports, stored, resend } = await start()
		const callNcp: ArrivalPorts['callNcp'] = async () => {
			const entry = stored()
			if (entry) ledger.entries.set(entry.exportKey, { ...entry, nextCheck: 5, revision: 'another' })
			return ACCEPTED
		}
		expect(await resend({ ...ports, callNcp })).toEqual({ kind: 'stale' })
		expect(stored()).toMatchObject({ state: 'unknown', nextCheck: 5, revision: 'another' })
	})

	it('is never sent again when the function dies during the call', async () => {
		const killed = new Error('killed')
		const { stored, resend } = await start(ACCEPTED, { callNcp: () => Promise.reject(killed) })
		await expect(resend()).rejects.toBe(killed)
		expect(stored()).toMatchObject({ state: 'unknown', resends: 1 })
	})

	it('fails when the next check cannot be asked for', async () => {
		const schedule = () => Promise.reject(new ExportError('PUBLISH_FAILED', 'down'))
		const { resend } = await start(toLostReply(true, 'ECONNRESET'), { schedule })
		await expect(resend()).rejects.toMatchObject({ code: 'PUBLISH_FAILED' })
	})
})
