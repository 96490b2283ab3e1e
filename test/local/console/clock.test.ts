import { afterEach, expect, it } from 'vitest'
import { type Clock, createClock } from '../../../tools/local/console/clock.ts'

const MINUTE_MS = 60_000
const Machine = Date

let clock: Clock | undefined
afterEach(() => clock?.stop())

it('leaves the clock of the process alone until time is let pass', () => {
	clock = createClock()
	expect(globalThis.Date).toBe(Machine)
	expect(clock.now() - Machine.now()).toBeLessThan(MINUTE_MS)
})

it('sets the clock forward for everything that asks for the time', () => {
	clock = createClock()
	clock.pass(5 * MINUTE_MS)
	clock.pass(5 * MINUTE_MS)
	for (const ms of [Date.now(), Date.parse(new Date().toISOString()), clock.now()])
		expect(Math.round((ms - Machine.now()) / MINUTE_MS)).toBe(10)
})

it('makes dates of given times as before', () => {
	clock = createClock()
	clock.pass(MINUTE_MS)
	expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z')
	expect(new Date('2021-05-28T00:00:00Z').getTime()).toBe(Date.UTC(2021, 4, 28))
	expect(new Date(2021, 4, 28).getDate()).toBe(28)
	expect(new Date()).toBeInstanceOf(Machine)
})

it('gives the clock of the machine back', () => {
	clock = createClock()
	clock.pass(MINUTE_MS)
	clock.stop()
	expect(globalThis.Date).toBe(Machine)
})
