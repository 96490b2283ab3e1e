import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { tableHead, toOutcomeRow } from '../../tools/terminal/outcome-row.ts'
import { acceptedEvent } from '../events.ts'

const event = acceptedEvent('20210528')

beforeEach(() => {
	vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 25) })
})
afterEach(() => {
	vi.useRealTimers()
})

/** The row of an outcome so many seconds after the first request. */
const rowAfter = (seconds: number): string => toOutcomeRow(event, Date.now() - seconds * 1000, '1')

it.each([
	[0, '0.0 s'],
	[99.94, '99.9 s'],
	[100, '100.0 s'],
	[999.999, '1000.0 s'],
	[1_000, '1000 s'],
	[12_345.9, '12345 s'],
	[999_999, '999999 s'],
])('keeps its columns %d seconds after the start', (seconds, after) => {
	const head = tableHead()
	const row = rowAfter(seconds)
	expect(row.slice(head.indexOf('after')).startsWith(`${after}  `)).toBe(true)
	expect(row.indexOf('queue')).toBe(head.indexOf('trigger'))
	expect(row.indexOf('accepted')).toBe(head.indexOf('state'))
	expect(row.indexOf('1234925 my-bucket/20210528')).toBe(head.indexOf('instance'))
	expect(row.indexOf('NCP said')).toBe(head.indexOf('details'))
})

it.each([
	[1, '1 byte'],
	[26, '26 bytes'],
])('says how large an object of %i is', (size, words) => {
	const object = { key: '20210528', size, etag: 'e', lastModified: '2026-11-23T09:30:00.000Z' }
	const row = toOutcomeRow({ ...event, data: { ...event.data, object } }, Date.now())
	expect(row).toMatch(new RegExp(`found in the bucket: 20210528, ${words}$`))
})
