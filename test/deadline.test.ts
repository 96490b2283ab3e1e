import { expect, it } from 'vitest'
import { remainingTime, timeToCall, timeToLook, timeToWork } from '../lib/deadline.ts'

it('leaves the runtime half a second', () => {
	expect(remainingTime({ getRemainingTimeInMillis: () => 10_000 })()).toBe(9_500)
})

it.each([
	[25_000, 21_000],
	[7_000, 3_000],
	[6_999, null],
	[-1, null],
])('with %i ms left gives a call %o', (leftMs, callMs) => {
	expect(timeToCall(() => leftMs)).toBe(callMs)
})

it('keeps the same reserve when it looks into the bucket', () => {
	expect(timeToLook(() => 24_500)).toBe(20_500)
	expect(timeToLook(() => 10)).toBe(1)
})

it('leaves a second for putting off what could not be finished', () => {
	expect(timeToWork(() => 9_500)()).toBe(8_500)
})
