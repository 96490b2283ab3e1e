import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readBackups, readInstances } from '../../lib/ncp/read-list.ts'
import { readDocument } from '../../lib/ncp/read-reply.ts'
import { PRODUCTS } from '../../lib/products.ts'

interface ListCase {
	name: string
	of: 'instances' | 'backups'
	body: string
	expected: object
}

const cases = JSON.parse(
	readFileSync(new URL('../fixtures/lists.json', import.meta.url), 'utf8'),
) as ListCase[]

const READERS = { instances: readInstances, backups: readBackups }

function read(of: ListCase['of'], body: string) {
	const { reply, fields } = readDocument({ httpStatus: 200, headers: {}, body })
	return { reply, page: READERS[of](fields, PRODUCTS.postgresql) }
}

describe('the readers of lists', () => {
	it.each(cases)('read a likely reply: $name', ({ of, body, expected }) => {
		const { reply, page } = read(of, body)
		expect(reply.kind).toBe('accepted')
		expect(page).toEqual(expected)
	})

	it('keep nothing of a row but what a port hands out', () => {
		const wordy = { fileName: 'a', note: 'x'.repeat(1_000) }
		const body = JSON.stringify({
			r: { returnCode: '0', totalRows: 1, cloudPostgresqlBackupDetailList: [wordy] },
		})
		const row = { fileName: 'a', startedAtMs: null, endedAtMs: null, sizeBytes: null }
		expect(read('backups', body).page).toEqual({ totalRows: 1, rows: [row] })
	})

	it('take no field from a prototype', () => {
		const fields = Object.create({ totalRows: '0' })
		expect(readBackups(fields, PRODUCTS.postgresql)).toEqual({ problem: 'it has no readable totalRows' })
	})
})
