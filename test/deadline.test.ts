import { expect, it } from 'vitest'
import { inTime, timeToCall, timeToLook, toHandlerDeadline, toWorkDeadline } from '../lib/deadline.ts'
import { left } from './fakes.ts'

it('leaves the runtime half a second', () => {
	expect(toHandlerDeadline({ getRemainingTimeInMillis: () => 10_000 }).leftMs()).toBe(9_500)
})

it('leaves a second for putting off what could not be finished', () => {
	expect(toWorkDeadline(left(9_500)).leftMs()).toBe(8_500)
})

it.each([
	[25_000, 21_000],
	[7_000, 3_000],
	[6_999, null],
	[-1, null],
])('with %i ms left gives a call %o', (leftMs, callMs) => {
	expect(timeToCall(left(leftMs))).toBe(callMs)
})

it('keeps the same reserve when it looks into the bucket', () => {
	expect(timeToLook(left(24_500))).toBe(20_500)
	expect(timeToLook(left(10))).toBe(1)
})

it('waits for work that ends in time, and for no other', async () => {
	expect(await inTime(1_000, async () => 7)).toBe(7)
	await expect(inTime(1_000, () => Promise.reject(new RangeError('x')))).rejects.toThrow(RangeError)
	let aborted: unknown
	const endless = (signal: AbortSignal) =>
		new Promise<never>(() => signal.addEventListener('abort', () => (aborted = signal.reason)))
	await expect(inTime(-5, endless)).rejects.toMatchObject({ name: 'TimeoutError' })
	expect(aborted).toMatchObject({ name: 'TimeoutError' })
})
