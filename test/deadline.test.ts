import { expect, it } from 'vitest'
import { inTime, timeToCall, timeToLook, toHandlerDeadline, toWorkDeadline } from '../lib/deadline.ts'
import { left } from './fakes.ts'

it('reserves half a second for the runtime', () => {
	expect(toHandlerDeadline({ getRemainingTimeInMillis: () => 10_000 }).leftMs()).toBe(9_500)
})

it('reserves a second to delay unfinished work', () => {
	expect(toWorkDeadline(left(9_500)).leftMs()).toBe(8_500)
})

it.each([
	[25_000, 21_000],
	[7_000, 3_000],
	[6_999, null],
	[-1, null],
])('with %i ms left allows a call of %o ms', (leftMs, callMs) => {
	expect(timeToCall(left(leftMs))).toBe(callMs)
})

it('keeps the same reserve for a look into the bucket', () => {
	expect(timeToLook(left(24_500))).toBe(20_500)
	expect(timeToLook(left(10))).toBe(1)
})

it('waits only for work that ends in time', async () => {
	expect(await inTime(1_000, async () => 7)).toBe(7)
	await expect(inTime(1_000, () => Promise.reject(new RangeError('x')))).rejects.toThrow(RangeError)
	let aborted: unknown
	const endless = (signal: AbortSignal) =>
		new Promise<never>(() => signal.addEventListener('abort', () => (aborted = signal.reason)))
	await expect(inTime(-5, endless)).rejects.toMatchObject({ name: 'TimeoutError' })
	expect(aborted).toMatchObject({ name: 'TimeoutError' })
})
