import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDynamoDb } from '../../lib/aws/dynamodb.ts'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { decideClaim, type Entry, type Ledger, release, settle } from '../../lib/ledger/ledger.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'
import { acceptedEvent } from '../events.ts'
import { type Gate, startGate } from '../gate.ts'

let table: EmbeddedTable
let ledger: Ledger
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
	ledger = createExportsTable(table.items, table.tableName)
})
afterAll(() => table.stop())

const atGate = ({ url }: Gate) => createDynamoDb(callLocal('dynamodb', url, 'ap-northeast-2'))

const NOW = Date.UTC(2026, 10, 23)
let ids = 0

function newEntry(exportKey: string, nowMs = NOW): Entry {
	const createId = () => `id-${++ids}`
	const decision = decideClaim(null, {
		exportKey,
		fingerprint: 'f',
		nowMs,
		leaseMs: 1,
		createId,
		isRedriven: false,
	})
	if (decision.kind !== 'claim') throw new Error('an absent entry is claimed')
	return { ...decision.next, expiresAtMs: nowMs + 60_000 }
}

describe('createExportsTable', () => {
	it('gives back what it was given', async () => {
		const entry = newEntry('round-trip')
		expect(await ledger.read('round-trip')).toBeNull()
		expect(await ledger.replace(null, entry, NOW)).toBe(true)
		expect(await ledger.read('round-trip')).toEqual(entry)
		const settled = settle(entry, acceptedEvent(entry.exportId), NOW, 60_000)
		expect(await ledger.replace(entry, settled, NOW)).toBe(true)
		expect(await ledger.read('round-trip')).toEqual(settled)
	})

	it('lets exactly one of many claimers in', async () => {
		const wins = await Promise.all(
			Array.from({ length: 10 }, () => ledger.replace(null, newEntry('contested'), NOW)),
		)
		expect(wins.filter(Boolean)).toHaveLength(1)
	})

	it('lets exactly one of many through that would write the very same', async () => {
		const entry = newEntry('same')
		await ledger.replace(null, entry, NOW)
		const wins = await Promise.all(
			Array.from({ length: 10 }, () => ledger.replace(entry, release(entry), NOW)),
		)
		expect(wins.filter(Boolean)).toHaveLength(1)
	})

	it('replaces nothing that has changed meanwhile', async () => {
		const first = newEntry('changed')
		await ledger.replace(null, first, NOW)
		expect(await ledger.replace(first, release(first), NOW)).toBe(true)
		expect(await ledger.replace(first, settle(first, acceptedEvent('x'), NOW, 1), NOW)).toBe(false)
		expect(await ledger.read('changed')).toEqual(release(first))
	})

	it('takes the place of what has expired, before anything has reaped it', async () => {
		const old = newEntry('expired')
		await ledger.replace(null, old, NOW)
		expect(await ledger.replace(null, newEntry('expired'), NOW + 59_999)).toBe(false)
		expect(await ledger.replace(null, newEntry('expired'), NOW + 60_000)).toBe(true)
	})

	it('keeps the expiry in whole seconds, as TTL wants it', async () => {
		await ledger.replace(null, newEntry('ttl'), NOW)
		const { Item } = await table.client.send(
			new GetCommand({ TableName: table.tableName, Key: { exportKey: 'ttl' } }),
		)
		expect(Item?.expiresAt).toBe(NOW / 1000 + 60)
	})

	it('knows its own write when the answer to it was lost', async () => {
		let writes = 0
		const gate = await startGate(table.endpoint, ({ operation }, phase) => {
			if (operation === 'PutItem' && phase === 'after' && ++writes === 1)
				throw new Error('the answer is lost')
		})
		const entry = newEntry('lost-answer')
		expect(await createExportsTable(atGate(gate), table.tableName).replace(null, entry, NOW)).toBe(true)
		expect(writes).toBe(2)
		await gate.stop()
	})

	it('resolves true for a repeat of a write that was done, however much later', async () => {
		const entry = newEntry('repeated')
		expect(await ledger.replace(null, entry, NOW)).toBe(true)
		expect(await ledger.replace(null, entry, NOW)).toBe(true)
		const released = release(entry)
		expect(await ledger.replace(entry, released, NOW)).toBe(true)
		expect(await ledger.replace(entry, released, NOW)).toBe(true)
		// The same in content, written by somebody else, is not a repeat.
		expect(await ledger.replace(entry, release(entry), NOW)).toBe(false)
	})

	it('changes an expiry under the eyes of a writer, who does not notice', async () => {
		const entry = newEntry('kept')
		await ledger.replace(null, entry, NOW)
		expect(await ledger.expireAt(entry, NOW + 90_000)).toBe(true)
		expect(await ledger.read('kept')).toEqual({ ...entry, expiresAtMs: NOW + 90_000 })
		// A write from before is still known as done, and one that was under way goes through.
		expect(await ledger.replace(null, entry, NOW)).toBe(true)
		expect(await ledger.replace(entry, release(entry), NOW)).toBe(true)
	})

	it('changes no expiry of what was replaced or is gone', async () => {
		const entry = newEntry('moved')
		await ledger.replace(null, entry, NOW)
		await ledger.replace(entry, release(entry), NOW)
		expect(await ledger.expireAt(entry, NOW + 90_000)).toBe(false)
		expect(await ledger.read('moved')).toEqual(release(entry))
		expect(await ledger.expireAt(newEntry('never-there'), NOW)).toBe(false)
		expect(await ledger.read('never-there')).toBeNull()
	})

	it('says that it is unavailable', async () => {
		const gate = await startGate(table.endpoint, () => {
			throw new Error('down')
		})
		const down = createExportsTable(atGate(gate), table.tableName)
		await expect(down.read('x')).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE', retryable: true })
		await expect(down.replace(null, newEntry('x'), NOW)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		await expect(down.expireAt(newEntry('x'), NOW)).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
		await gate.stop()
	})
})
