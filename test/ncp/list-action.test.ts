import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import {
	type CallList,
	createListBackups,
	createListInstances,
	type ListReply,
	toListReply,
} from '../../lib/ncp/list-action.ts'

const replied = (httpStatus: number, body: unknown, headers = {}): ListReply =>
	toListReply({ kind: 'replied', reply: { httpStatus, headers, body: JSON.stringify(body) } })

const response = (fields: object): ListReply =>
	replied(200, { r: { returnCode: '0', returnMessage: 'success', ...fields } })

const backup = (fileName: string) => ({ fileName, endTime: '2026-11-25T02:10:00+0900' })
const backups = (totalRows: number, ...names: string[]): ListReply =>
	response({ totalRows, cloudPostgresqlBackupDetailList: names.map(backup) })

const instances = (totalRows: number, ...numbers: string[]): ListReply =>
	response({
		totalRows,
		cloudPostgresqlInstanceList: numbers.map((cloudPostgresqlInstanceNo) => ({
			cloudPostgresqlInstanceNo,
			cloudPostgresqlInstanceStatus: { code: 'CREAT' },
		})),
	})

const NOTHING_MATCHES = replied(400, { responseError: { returnCode: '5001017', returnMessage: 'none' } })

/** Gives the replies in turn; the last one repeats. */
function replyInTurn(...replies: ListReply[]) {
	const calls: string[] = []
	const limits: number[] = []
	const call: CallList = async ({ path, form }, timeoutMs) => {
		calls.push(`${path}?${form}`)
		limits.push(timeoutMs)
		return replies[Math.min(calls.length, replies.length) - 1] as ListReply
	}
	return { call, calls, limits }
}

const QUERY = { product: 'postgresql', regionCode: 'KR' } as const

async function listInstances(...replies: ListReply[]) {
	const { call, calls } = replyInTurn(...replies)
	const list = await createListInstances(call)(QUERY, 10_000)
	return { numbers: list.map(({ instanceNo }) => instanceNo), calls }
}

async function listBackups(...replies: ListReply[]) {
	const { call, calls } = replyInTurn(...replies)
	const list = await createListBackups(call)({ ...QUERY, instanceNo: '7' }, 10_000)
	return { names: list.map(({ fileName }) => fileName), calls }
}

const INSTANCES_PATH = '/vpostgresql/v2/getCloudPostgresqlInstanceList'
const BACKUPS_PATH = '/vpostgresql/v2/getCloudPostgresqlBackupDetailList'
const INSTANCES_PAGE = (pageNo: number) =>
	`${INSTANCES_PATH}?regionCode=KR&pageNo=${pageNo}&pageSize=100&responseFormatType=json`

describe('createListInstances', () => {
	it('asks page by page, and stops when it has as many rows as NCP counts', async () => {
		const { numbers, calls } = await listInstances(instances(3, '1', '2'), instances(3, '3'))
		expect(numbers).toEqual(['1', '2', '3'])
		expect(calls).toEqual([INSTANCES_PAGE(0), INSTANCES_PAGE(1)])
	})

	it('names no region when the query has none', async () => {
		const { call, calls } = replyInTurn(instances(0))
		await createListInstances(call)({ product: 'postgresql', regionCode: undefined }, 10_000)
		expect(calls).toEqual([`${INSTANCES_PATH}?pageNo=0&pageSize=100&responseFormatType=json`])
	})

	it('takes a page 0 that is empty, and one that page 1 repeats', async () => {
		expect((await listInstances(instances(2), instances(2, '1', '2'))).numbers).toEqual(['1', '2'])
		const repeated = [instances(2, '1'), instances(2, '1'), instances(2, '2')]
		expect((await listInstances(...repeated)).numbers).toEqual(['1', '2'])
	})

	it('goes on to a row that appears while it reads', async () => {
		const { numbers } = await listInstances(instances(2, '1'), instances(3, '2'), instances(3, '3'))
		expect(numbers).toEqual(['1', '2', '3'])
	})

	it('returns an empty list when nothing matches', async () => {
		expect(await listInstances(NOTHING_MATCHES)).toEqual({ numbers: [], calls: [INSTANCES_PAGE(0)] })
		expect((await listInstances(instances(0))).numbers).toEqual([])
	})

	it.each([
		['a page is missing', '2 of 3 rows', [instances(3, '1', '2'), instances(3)]],
		['a later page has no match', '1 of 2 rows', [instances(2, '1'), NOTHING_MATCHES]],
		['there are more rows than counted', '2 of 1 rows', [instances(1, '1', '2')]],
		['rows are there, but none are counted', '1 of 0 rows', [instances(0, '1')]],
		['a row goes while it reads', 'changed while it was read', [instances(3, '1', '2'), instances(2, '4')]],
		['a row has no number', 'a row has no cloudPostgresqlInstanceNo', [instances(2, '1', '')]],
		['the count is missing', 'no readable totalRows', [response({})]],
	])('throws NCP_LATER when %s', async (_name, message, replies) => {
		const listing = listInstances(...replies)
		await expect(listing).rejects.toThrow(ExportError)
		await expect(listing).rejects.toMatchObject({
			code: 'NCP_LATER',
			message: expect.stringContaining(message),
		})
	})

	it('stops after 200 pages', async () => {
		let calls = 0
		const call: CallList = async () => instances(1_000, String(++calls))
		await expect(createListInstances(call)(QUERY, 10_000)).rejects.toMatchObject({
			code: 'NCP_LATER',
			message: 'getCloudPostgresqlInstanceList: the list is not whole: 200 of 1000 rows',
		})
		expect(calls).toBe(200)
	})

	it('gives each call the time that is left, and makes none without any', async () => {
		const { call, limits } = replyInTurn(instances(2, '1'), instances(2, '2'))
		await createListInstances(call)(QUERY, 500)
		expect(Math.max(...limits)).toBeLessThanOrEqual(500)
		const none = replyInTurn(instances(0))
		await expect(createListInstances(none.call)(QUERY, 0)).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(none.calls).toEqual([])
	})
})

describe('createListBackups', () => {
	it('asks once, without paging', async () => {
		const { names, calls } = await listBackups(backups(2, '20261124', '20261125'))
		expect(names).toEqual(['20261124', '20261125'])
		expect(calls).toEqual([
			`${BACKUPS_PATH}?regionCode=KR&cloudPostgresqlInstanceNo=7&responseFormatType=json`,
		])
	})

	it('asks page by page when the reply has fewer different rows than NCP counts', async () => {
		const { names, calls } = await listBackups(
			backups(3, 'a', 'a', 'b'),
			backups(3, 'a', 'b'),
			backups(3, 'c'),
		)
		expect(names).toEqual(['a', 'b', 'c'])
		expect(calls.slice(1)).toEqual(
			[0, 1].map(
				(pageNo) =>
					`${BACKUPS_PATH}?regionCode=KR&cloudPostgresqlInstanceNo=7&pageNo=${pageNo}&pageSize=100&responseFormatType=json`,
			),
		)
	})

	it('keeps the newest row of a backup that ends while it reads', async () => {
		const running = response({ totalRows: 2, cloudPostgresqlBackupDetailList: [{ fileName: 'a' }] })
		const { call } = replyInTurn(running, running, backups(2, 'a'), backups(2, 'b'))
		const list = await createListBackups(call)({ ...QUERY, instanceNo: '7' }, 10_000)
		const endedAtMs = Date.UTC(2026, 10, 24, 17, 10)
		expect(list).toMatchObject([
			{ fileName: 'a', endedAtMs },
			{ fileName: 'b', endedAtMs },
		])
	})

	it('returns an empty list when nothing matches', async () => {
		expect((await listBackups(NOTHING_MATCHES)).names).toEqual([])
		expect((await listBackups(backups(0))).names).toEqual([])
	})

	it.each([
		['rows are missing from every page', '7 of 9 rows', [backups(9, ...'abcdefg')]],
		['there are more rows than counted', '2 of 1 rows', [backups(1, 'a', 'b')]],
		['no page has a match', '0 of 2 rows', [backups(2, 'a'), NOTHING_MATCHES]],
	])('throws NCP_LATER when %s', async (_name, message, replies) => {
		await expect(listBackups(...replies)).rejects.toMatchObject({
			code: 'NCP_LATER',
			message: `getCloudPostgresqlBackupDetailList of instance 7: the list is not whole: ${message}`,
		})
	})

	it.each([
		['NCP_LATER', replied(429, { error: { errorCode: '410', message: 'Slow' } }, { 'retry-after': '7' })],
		['NCP_LATER', replied(504, { error: { errorCode: '510', message: 'Endpoint Timeout' } })],
		['NCP_LATER', replied(200, 'nonsense')],
		['NCP_LATER', toListReply({ kind: 'lost', sent: true, reason: 'ECONNRESET' })],
		['NCP_LATER', toListReply({ kind: 'lost', sent: false, reason: 'ECONNREFUSED' })],
		[
			'NCP_LATER',
			toListReply({
				kind: 'partial',
				reply: { httpStatus: 200, headers: {}, body: '' },
				reason: 'ECONNRESET',
			}),
		],
		['NCP_CREDENTIALS', replied(401, { error: { errorCode: '210', message: 'Permission Denied' } })],
		['NCP_REFUSED', replied(400, { responseError: { returnCode: '5001183', returnMessage: 'no' } })],
		['NCP_REFUSED', replied(400, { error: { errorCode: '100', message: 'Bad Request' } })],
		['SECRET_UNREADABLE', toListReply({ kind: 'unsigned', cause: new Error('no') })],
	])('throws %s for such a reply, and names the list', async (code, reply) => {
		const listing = listBackups(reply)
		await expect(listing).rejects.toMatchObject({
			code,
			message: expect.stringMatching(/^getCloudPostgresqlBackupDetailList of instance 7: /),
		})
	})

	it('says NCP’s own code and wait', async () => {
		const refused = replied(400, { responseError: { returnCode: '5001183', returnMessage: 'no' } })
		await expect(listBackups(refused)).rejects.toMatchObject({
			message: expect.stringMatching(/\(code 5001183\)$/),
			replyCode: 'api/5001183',
		})
		const slow = replied(429, { error: { errorCode: '410' } }, { 'retry-after': '7' })
		await expect(listBackups(slow)).rejects.toMatchObject({ retryAfterSeconds: 7 })
	})

	it('throws NCP_LATER when the pages count fewer rows than the first reply', async () => {
		await expect(listBackups(backups(2, 'a'), backups(1, 'a'))).rejects.toMatchObject({
			code: 'NCP_LATER',
			message: expect.stringContaining('changed while it was read'),
		})
	})

	it('does not take a gateway’s code for the API’s', async () => {
		const gateway = replied(400, { error: { errorCode: '5001017', message: 'none' } })
		await expect(listBackups(gateway)).rejects.toMatchObject({ code: 'NCP_REFUSED' })
	})
})

it.each(['mongodb', 'cache'] as const)(
	'asks nothing of %s, which NCP documents no list for',
	async (product) => {
		const { call, calls } = replyInTurn(instances(0))
		const query = { product, regionCode: 'KR' } as const
		const title = product === 'cache' ? 'Cache' : 'MongoDB'
		const error = {
			code: 'NCP_REFUSED',
			message: `NCP does not document how to list the backup files of ${title}: name them yourself`,
		}
		await expect(createListInstances(call)(query, 10_000)).rejects.toMatchObject(error)
		await expect(createListBackups(call)({ ...query, instanceNo: '7' }, 10_000)).rejects.toMatchObject(error)
		expect(calls).toEqual([])
	},
)

it('says for which page no time was left', async () => {
	const { call, calls } = replyInTurn(backups(2, 'a'))
	const list = (timeoutMs: number, through: CallList) =>
		createListBackups(through)({ ...QUERY, instanceNo: '7' }, timeoutMs)
	await expect(list(0, call)).rejects.toMatchObject({
		code: 'NCP_LATER',
		message: expect.stringMatching(/: no time was left$/),
	})
	expect(calls).toEqual([])
	const slow: CallList = async (exchange, timeoutMs) => {
		const endsAt = performance.now() + timeoutMs
		while (performance.now() < endsAt);
		return call(exchange, timeoutMs)
	}
	await expect(list(20, slow)).rejects.toMatchObject({
		message: expect.stringMatching(/: no time was left for page 0$/),
	})
})
