import { describe, expect, it } from 'vitest'
import { createArrivalQueue } from '../../lib/aws/arrival-queue.ts'
import { createDynamoDb, type TableRequest } from '../../lib/aws/dynamodb.ts'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { createPublishBatch } from '../../lib/aws/sns.ts'

const STRANGE = ['', '[]', '1', 'null', '<html>hello</html>']

const CHECK = { exportKey: 'k', exportId: 'e', check: 0 }

describe('a 200 from somebody else', () => {
	it.each([...STRANGE, '{}'])('is no check in the arrival queue: %j', async (body) => {
		const schedule = createArrivalQueue(async () => body, 'http://q')
		await expect(schedule(CHECK, 0)).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
			cause: { name: expect.stringMatching(/^No/) },
		})
	})

	it.each(STRANGE)('is no write and no empty table: %j', async (body) => {
		const dynamodb = createDynamoDb(async () => body)
		await expect(dynamodb('PutItem', { TableName: 't', Item: { a: 1 } })).rejects.toMatchObject({
			name: 'NoAnswer',
		})
		await expect(createExportsTable(dynamodb, 't').read('k')).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
	})
})

it('refuses an item that somebody has written by hand', async () => {
	const dynamodb = createDynamoDb(async () => '{"Item":{"event":{"M":{}}}}')
	await expect(dynamodb('GetItem', { TableName: 't' })).rejects.toMatchObject({
		name: 'UnknownAttributeType',
	})
})

it('reads the ledger consistently: the claim of a moment ago must be seen', async () => {
	const requests: TableRequest[] = []
	const table = createExportsTable(async (_operation, request) => {
		requests.push(request)
		return {}
	}, 't')
	await table.read('k')
	expect(requests).toMatchObject([{ ConsistentRead: true, Key: { exportKey: 'k' } }])
})

describe('createPublishBatch', () => {
	const publish = async (members: string, bodies: string[] = []) => {
		const send = createPublishBatch(async (_headers, body) => {
			bodies.push(body)
			return `<PublishBatchResponse><PublishBatchResult>${members}</PublishBatchResult></PublishBatchResponse>`
		}, 'arn:aws-cn:sns:cn-north-1:1:a&b')
		return send([{ message: 'a=1&b=2', attributes: { 'n&n': 'v=v&w' } }])
	}

	it.each(['', ' ', '0x0', '00', 'zz', '1'])('does not take the id %j for an entry of ours', async (id) => {
		const results = await publish(`<Successful><member><Id>${id}</Id></member></Successful>`)
		expect(results).toEqual(['SNS did not mention the entry'])
	})

	it('sends every text in the form that it came in', async () => {
		const bodies: string[] = []
		expect(await publish('<Successful><member><Id>0</Id></member></Successful>', bodies)).toEqual([null])
		const form = new URLSearchParams(bodies[0])
		expect([...form.values()]).toEqual([
			'PublishBatch',
			'2010-03-31',
			'arn:aws-cn:sns:cn-north-1:1:a&b',
			'0',
			'a=1&b=2',
			'n&n',
			'String',
			'v=v&w',
		])
	})

	it('says so when a failure has no code', async () => {
		expect(await publish('<Failed><member><Id>0</Id></member></Failed>')).toEqual(['without a code'])
	})
})
