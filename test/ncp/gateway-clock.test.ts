import { describe, expect, it } from 'vitest'
import { createClock } from '../../lib/ncp/gateway-clock.ts'

const NOW = Date.UTC(2026, 10, 23)

describe('createClock', () => {
	it('follows the gateway’s clock, each time that it is corrected', () => {
		let nowMs = NOW
		const clock = createClock(() => nowMs)
		clock.correct(NOW + 420_000)
		expect(clock.now()).toBe(NOW + 420_000)
		nowMs += 420_000
		clock.correct(NOW + 420_000)
		expect(clock.now()).toBe(NOW + 420_000)
	})

	it('is the machine’s own until it is set', () => {
		let nowMs = NOW
		const clock = createClock(() => nowMs)
		expect(clock.now()).toBe(NOW)
		nowMs += 5
		expect(clock.now()).toBe(NOW + 5)
	})

	it('goes on from the time that it was set to, also when that is earlier', () => {
		let nowMs = NOW
		const clock = createClock(() => nowMs)
		clock.correct(NOW - 420_000)
		nowMs += 1_000
		expect(clock.now()).toBe(NOW - 419_000)
	})
})
