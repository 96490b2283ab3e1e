import { describe, expect, it } from 'vitest'
import { createArrivalQueue } from '../../lib/aws/arrival-queue.ts'
import { createDynamoDb, type TableRequest } from '../../lib/aws/dynamodb.ts'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { createPublishBatch } from '../../lib/aws/sns.ts'

const STRANGE = ['', '[]', '1', 'null', '<html>hello</html>']

const CHECK = { exportKey: 'k', exportId: 'e', check: 0 }

describe('a 200 that is not from AWS', () => {
	it.each([...STRANGE, '{}'])('does not count as a sent check: %j', async (body) => {
		const schedule = createArrivalQueue(async () => body, 'http://q')
		await expect(schedule(CHECK, 0)).rejects.toMatchObject({
			code: 'PUBLISH_FAILED',
			cause: { name: expect.stringMatching(/^No/) },
		})
	})

	it.each(STRANGE)('counts neither as a write nor as an absent item: %j', async (body) => {
		const dynamodb = createDynamoDb(async () => body)
		await expect(dynamodb('PutItem', { TableName: 't', Item: { a: 1 } })).rejects.toMatchObject({
			name: 'NoAnswer',
		})
		await expect(createExportsTable(dynamodb, 't').read('k')).rejects.toMatchObject({
			code: 'LEDGER_UNAVAILABLE',
		})
	})
})

it('refuses an item with an unknown attribute type', async () => {
	const dynamodb = createDynamoDb(async () => '{"Item":{"event":{"M":{}}}}')
	await expect(dynamodb('GetItem', { TableName: 't' })).rejects.toMatchObject({
		name: 'UnknownAttributeType',
	})
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

describe('createPublishBatch', () => {
	const publish = async (members: string, bodies: string[] = []) => {
		const send = createPublishBatch(async (_headers, body) => {
			bodies.push(body)
			return `<PublishBatchResponse><PublishBatchResult>${members}</PublishBatchResult></PublishBatchResponse>`
		}, 'arn:aws-cn:sns:cn-north-1:1:a&b')
		return send([{ message: 'a=1&b=2', attributes: { 'n&n': 'v=v&w' } }])
	}

	it.each(['', ' ', '0x0', '00', 'zz', '1'])('does not match the id %j to an entry', async (id) => {
		const results = await publish(`<Successful><member><Id>${id}</Id></member></Successful>`)
		expect(results).toEqual(['SNS did not mention the entry'])
	})

	it('sends every text unchanged', async () => {
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

	it('reports a failure without a code', async () => {
		expect(await publish('<Failed><member><Id>0</Id></member></Failed>')).toEqual(['without a code'])
	})
})
