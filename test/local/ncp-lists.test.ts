import { describe, expect, it } from 'vitest'
import { toBody } from '../../tools/local/ncp-answer.ts'
import { answerList, LIST_ACTIONS, type Listed, type ListQuirks } from '../../tools/local/ncp-lists.ts'

const INSTANCES = '/vpostgresql/v2/getCloudPostgresqlInstanceList'
const BACKUPS = '/vpostgresql/v2/getCloudPostgresqlBackupDetailList'
const ONE = 'cloudPostgresqlInstanceNo=1'

const WORLD: ReadonlyMap<string, Listed> = new Map([
	['1', { regionCode: 'KR', backups: new Set(['20261123', '20261124']), name: 'orders' }],
	['2', { regionCode: 'KR', backups: new Set(), status: 'INIT' }],
	['3', { regionCode: 'JPN', backups: new Set(['20261123']) }],
])

function ask(path: string, query: string, quirks: ListQuirks = {}, instances = WORLD) {
	const action = LIST_ACTIONS.get(path)
	if (action === undefined) throw new Error(path)
	const nowMs = Date.UTC(2026, 10, 25)
	return answerList(action, new URLSearchParams(query), { instances, nowMs, quirks })
}

const bodyOf = (path: string, query: string, quirks: ListQuirks = {}) =>
	toBody(ask(path, query, quirks), query.includes('json'))

const fieldsOf = (path: string, query: string, quirks: ListQuirks = {}) =>
	Object.values(JSON.parse(bodyOf(path, `${query}&responseFormatType=json`, quirks)))[0] as Record<
		string,
		unknown
	>

const numbersOf = (query: string, quirks: ListQuirks = {}) =>
	(fieldsOf(INSTANCES, query, quirks).cloudPostgresqlInstanceList as Record<string, string>[]).map(
		({ cloudPostgresqlInstanceNo }) => cloudPostgresqlInstanceNo,
	)

describe('answerList', () => {
	it('lists the instances of a region, or of all', () => {
		expect(numbersOf('')).toEqual(['1', '2', '3'])
		expect(numbersOf('regionCode=KR')).toEqual(['1', '2'])
		expect(fieldsOf(INSTANCES, 'regionCode=KR')).toMatchObject({
			returnCode: '0',
			totalRows: 2,
			cloudPostgresqlInstanceList: [
				{ cloudPostgresqlServiceName: 'orders', cloudPostgresqlInstanceStatus: { code: 'CREAT' } },
				{ cloudPostgresqlServiceName: 'db-2', cloudPostgresqlInstanceStatus: { code: 'INIT' } },
			],
		})
	})

	it('lists the backups of one instance, in XML and in JSON', () => {
		expect(fieldsOf(BACKUPS, ONE).cloudPostgresqlBackupDetailList).toMatchObject([
			{ fileName: '20261123', startTime: '2026-11-23T02:00:00+0900', endTime: '2026-11-23T02:10:00+0900' },
			{ fileName: '20261124', backupSize: 571_482_767 },
		])
		expect(bodyOf(BACKUPS, ONE)).toContain(
			'<totalRows>2</totalRows><cloudPostgresqlBackupDetailList><cloudPostgresqlBackupDetail><fileName>20261123</fileName>',
		)
	})

	it.each([
		[INSTANCES, 'fileName=1'],
		[INSTANCES, 'regionCode=KR&regionCode=KR'],
		[INSTANCES, ONE],
		[INSTANCES, 'pageNo=0'],
		[INSTANCES, 'pageNo=-1&pageSize=10'],
		[INSTANCES, 'pageNo=0&pageSize=0'],
		[INSTANCES, 'pageNo=0&pageSize=1001'],
		[INSTANCES, 'responseFormatType=yaml'],
		[BACKUPS, ''],
	])('refuses wrong parameters: %s?%s', (path, query) => {
		expect(ask(path, query)).toMatchObject({ root: 'error', fields: { errorCode: '100' } })
	})

	it('does not know an instance of another region', () => {
		for (const query of [`${ONE}&regionCode=JPN`, 'cloudPostgresqlInstanceNo=9'])
			expect(ask(BACKUPS, query)).toMatchObject({ httpStatus: 400, fields: { returnCode: '5001017' } })
	})

	it.each<[string, ListQuirks, string[][]]>([
		['from 0', {}, [['1', '2'], ['3'], []]],
		['from 1', { firstPage: 1 }, [[], ['1', '2'], ['3']]],
		['from either', { firstPage: 'both' }, [['1', '2'], ['1', '2'], ['3']]],
		['with repeats', { repeatedRows: 1 }, [['1', '2'], ['2', '3'], []]],
		['of one row', { maxPageSize: 1 }, [['1'], ['2'], ['3']]],
		['cut', { cutTo: 1 }, [['1'], [], []]],
	])('pages %s, and counts all rows', (_name, quirks, pages) => {
		const queries = [0, 1, 2].map((pageNo) => `pageNo=${pageNo}&pageSize=2`)
		expect(queries.map((query) => numbersOf(query, quirks))).toEqual(pages)
		for (const query of queries) expect(fieldsOf(INSTANCES, query, quirks).totalRows).toBe(3)
	})

	it('writes as NCP might', () => {
		const none = 'cloudPostgresqlInstanceNo=2'
		const list = 'cloudPostgresqlBackupDetailList'
		const alone = 'cloudPostgresqlInstanceNo=3'
		expect(fieldsOf(BACKUPS, none, { omitsEmpty: true })).not.toHaveProperty(list)
		expect(ask(BACKUPS, none, { refusesEmpty: true }).fields.returnCode).toBe('5001017')
		expect(fieldsOf(BACKUPS, ONE, { omitsTotal: true })).not.toHaveProperty('totalRows')
		expect(fieldsOf(BACKUPS, ONE, { maxUnpaged: 1 })).toMatchObject({ totalRows: 2, [list]: { length: 1 } })
		expect(fieldsOf(BACKUPS, ONE, { numbers: 'texts' })).toMatchObject({
			totalRows: '2',
			[list]: [{ backupSize: '571482767' }, {}],
		})
		expect(fieldsOf(BACKUPS, ONE, { numbers: 'numbers' })).toMatchObject({
			returnCode: 0,
			[list]: [{ fileName: 20_261_123 }, {}],
		})
		expect(fieldsOf(BACKUPS, alone, { shape: 'wrapped' })[list]).toMatchObject({
			cloudPostgresqlBackupDetail: [{ fileName: '20261123' }],
		})
		expect(fieldsOf(BACKUPS, alone, { shape: 'lone' })[list]).toMatchObject({
			cloudPostgresqlBackupDetail: { fileName: '20261123' },
		})
		expect(bodyOf(BACKUPS, alone, { rootName: 'aResponse' })).toMatch(/^.*\n<aResponse>.*<\/aResponse>$/)
		expect(bodyOf(BACKUPS, alone, { offset: 'Z' })).toContain('<endTime>2026-11-22T17:10:00Z</endTime>')
		expect(bodyOf(BACKUPS, alone, { offset: '+09:00' })).toContain('T02:10:00+09:00<')
	})
})
