import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDynamoDb, type TableRequest } from '../../lib/aws/dynamodb.ts'
import { createExportFinder, createExportsTable } from '../../lib/aws/exports-table.ts'
import { type Draft, decideClaim, type Entry, type Ledger, release, settle } from '../../lib/ledger/ledger.ts'
import { type EmbeddedTable, startEmbeddedTable } from '../../tools/local/embedded-table.ts'
import { callLocal } from '../call-local.ts'
import { acceptedEvent } from '../events.ts'
import { type Gate, startGate } from '../gate.ts'

let table: EmbeddedTable
let ledger: Ledger
beforeAll(async () => {
	table = await startEmbeddedTable('ap-northeast-2')
	ledger = createExportsTable(
		createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2')),
		table.tableName,
	)
})
afterAll(() => table.stop())

const atGate = ({ url }: Gate) => createDynamoDb(callLocal('dynamodb', url, 'ap-northeast-2'))

const NOW = Date.UTC(2026, 10, 23)
let ids = 0

function newDraft(exportKey: string, nowMs = NOW): Draft {
	const createId = () => `id-${++ids}`
	const claim = {
		exportKey,
		fingerprint: 'f',
		destinationRule: 'exclusive' as const,
		nowMs,
		leaseMs: 1,
		createId,
		isRedriven: false,
		isForCoverage: false,
		triggerId: 'm-1',
	}
	const decision = decideClaim(null, claim)
	if (decision.kind !== 'claim') throw new Error('an absent entry is claimed')
	return { ...decision.next, expiresAtMs: nowMs + 60_000 }
}

async function write(previous: Entry | null, next: Draft, nowMs = NOW): Promise<Entry> {
	const written = await ledger.replace(previous, next, nowMs)
	if (written === null) throw new Error('another writer was first')
	return written
}

describe('createExportsTable', () => {
	it('reads what it wrote', async () => {
		expect(await ledger.read('round-trip')).toBeNull()
		const entry = await write(null, newDraft('round-trip'))
		expect(await ledger.read('round-trip')).toEqual(entry)
		const settled = await write(entry, settle(entry, acceptedEvent(entry.exportId), NOW, 60_000))
		expect(await ledger.read('round-trip')).toEqual(settled)
		expect(settled.revision).not.toBe(entry.revision)
	})

	it('lets exactly one of many concurrent claims succeed', async () => {
		const claims = Array.from({ length: 10 }, () => ledger.replace(null, newDraft('contested'), NOW))
		expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
	})

	it('lets exactly one of many concurrent writes of the same content succeed', async () => {
		const entry = await write(null, newDraft('same'))
		const writes = Array.from({ length: 10 }, () => ledger.replace(entry, release(entry), NOW))
		expect((await Promise.all(writes)).filter(Boolean)).toHaveLength(1)
	})

	it('does not replace an entry that has changed since it was read', async () => {
		const first = await write(null, newDraft('changed'))
		const released = await write(first, release(first))
		expect(await ledger.replace(first, settle(first, acceptedEvent('x'), NOW, 1), NOW)).toBeNull()
		expect(await ledger.read('changed')).toEqual(released)
	})

	it('replaces an expired entry before DynamoDB deletes it', async () => {
		await write(null, newDraft('expired'))
		expect(await ledger.replace(null, newDraft('expired'), NOW + 59_999)).toBeNull()
		expect(await ledger.replace(null, newDraft('expired'), NOW + 60_000)).not.toBeNull()
	})

	it('stores the expiry in whole seconds, as TTL requires', async () => {
		await write(null, newDraft('ttl'))
		const { Item } = await table.client.send(
			new GetCommand({ TableName: table.tableName, Key: { exportKey: 'ttl' } }),
		)
		expect(Item?.expiresAt).toBe(NOW / 1000 + 60)
	})

	it('recognises its own write when the answer was lost', async () => {
		let writes = 0
		const gate = await startGate(table.endpoint, ({ operation }, phase) => {
			if (operation === 'PutItem' && phase === 'after' && ++writes === 1)
				throw new Error('the answer is lost')
		})
		const draft = newDraft('lost-answer')
		const written = await createExportsTable(atGate(gate), table.tableName).replace(null, draft, NOW)
		expect(written).toEqual(await ledger.read('lost-answer'))
		expect(writes).toBe(2)
		await gate.stop()
	})

	it('returns the same entry for a repeated write, however much later', async () => {
		const draft = newDraft('repeated')
		const entry = await write(null, draft)
		expect(await ledger.replace(null, draft, NOW)).toEqual(entry)
		const next = release(entry)
		const released = await write(entry, next)
		expect(await ledger.replace(entry, next, NOW)).toEqual(released)
		// The same content from another writer is not a repeat.
		expect(await ledger.replace(entry, release(entry), NOW)).toBeNull()
	})

	it('changes an expiry without invalidating concurrent writes', async () => {
		const draft = newDraft('kept')
		const entry = await write(null, draft)
		expect(await ledger.expireAt(entry, NOW + 90_000)).toBe(true)
		expect(await ledger.read('kept')).toEqual({ ...entry, expiresAtMs: NOW + 90_000 })
		// An earlier write is still recognised as done, and a concurrent one succeeds.
		expect(await ledger.replace(null, draft, NOW)).toEqual(entry)
		expect(await ledger.replace(entry, release(entry), NOW)).not.toBeNull()
	})

	it('does not change the expiry of an entry that was replaced or deleted', async () => {
		const entry = await write(null, newDraft('moved'))
		const released = await write(entry, release(entry))
		expect(await ledger.expireAt(entry, NOW + 90_000)).toBe(false)
		expect(await ledger.read('moved')).toEqual(released)
		expect(await ledger.expireAt({ ...newDraft('never-there'), revision: 'r' }, NOW)).toBe(false)
		expect(await ledger.read('never-there')).toBeNull()
	})

	it('accepts one write to an item from before revisions existed', async () => {
		const { expiresAtMs, ...fields } = newDraft('former')
		const former = { version: 1, claimId: 'claim-1', writeToken: 'token-1', expiresAt: expiresAtMs / 1000 }
		await table.client.send(new PutCommand({ TableName: table.tableName, Item: { ...fields, ...former } }))
		const entry = await ledger.read('former')
		expect(entry).toEqual({ ...fields, expiresAtMs, revision: 'token-1' })
		if (entry === null) return
		const writes = [1, 2].map(() => ledger.replace(entry, release(entry), NOW))
		expect((await Promise.all(writes)).filter(Boolean)).toHaveLength(1)
	})

	it('throws LEDGER_UNAVAILABLE when the table fails', async () => {
		const gate = await startGate(table.endpoint, () => {
			throw new Error('down')
		})
		const down = createExportsTable(atGate(gate), table.tableName)
		const unavailable = { code: 'LEDGER_UNAVAILABLE', retryable: true }
		await expect(down.read('x')).rejects.toMatchObject(unavailable)
		await expect(down.replace(null, newDraft('x'), NOW)).rejects.toMatchObject(unavailable)
		await expect(down.expireAt({ ...newDraft('x'), revision: 'r' }, NOW)).rejects.toMatchObject(unavailable)
		await gate.stop()
	})

	it('reads the ledger with strong consistency, so that the latest claim is visible', async () => {
		const requests: TableRequest[] = []
		const table = createExportsTable(async (_operation, request) => {
			requests.push(request)
			return {}
		}, 't')
		await table.read('k')
		expect(requests).toMatchObject([{ ConsistentRead: true, Key: { exportKey: 'k' } }])
	})
})

describe('a 200 that is not from AWS', () => {
	it.each(['', '[]', '1', 'null', '<html>hello</html>'])('is no empty table: %j', async (body) => {
		const dynamodb = createDynamoDb(async () => body)
		await expect(createExportsTable(dynamodb, 't').read('k')).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
	})
})

describe('createExportFinder', () => {
	const find = (exportId: string, nowMs = NOW) =>
		createExportFinder(
			createDynamoDb(callLocal('dynamodb', table.endpoint, 'ap-northeast-2')),
			table.tableName,
		)(exportId, nowMs)

	it('finds an export by its id until it expires', async () => {
		const entry = await write(null, newDraft('found'))
		expect(await find(entry.exportId, entry.expiresAtMs - 1)).toEqual(entry)
		expect(await find(entry.exportId, entry.expiresAtMs)).toBeNull()
		expect(await find('no-such-id')).toBeNull()
	})

	it('throws LEDGER_UNAVAILABLE when the table fails', async () => {
		const down = createDynamoDb(() => Promise.reject(new Error('down')))
		await expect(createExportFinder(down, 't')('e', NOW)).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
	})
})
