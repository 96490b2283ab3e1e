import { describe, expect, it } from 'vitest'
import { createDynamoDb, isConditionFailed, throwUnavailable } from '../../lib/aws/dynamodb.ts'
import { AwsError } from '../../lib/aws-error.ts'

describe('createDynamoDb', () => {
	it('sends plain values as typed ones, beside the options as they are', async () => {
		const calls: unknown[] = []
		const dynamodb = createDynamoDb(async (headers, body) => {
			calls.push({ ...headers, body: JSON.parse(body) })
			return '{}'
		})
		const answer = await dynamodb('UpdateItem', {
			TableName: 't',
			Key: { id: 'k' },
			UpdateExpression: 'SET a = :a, b = :b',
			ExpressionAttributeValues: { ':a': 1.5, ':b': null },
		})
		expect(answer).toEqual({})
		expect(calls).toEqual([
			{
				'content-type': 'application/x-amz-json-1.0',
				'x-amz-target': 'DynamoDB_20120810.UpdateItem',
				body: {
					TableName: 't',
					Key: { id: { S: 'k' } },
					UpdateExpression: 'SET a = :a, b = :b',
					ExpressionAttributeValues: { ':a': { N: '1.5' }, ':b': { NULL: true } },
				},
			},
		])
	})

	it('gives typed values as plain ones', async () => {
		const item = { text: { S: '' }, number: { N: '1795392000000' }, nothing: { NULL: true } }
		const dynamodb = createDynamoDb(async () => JSON.stringify({ Item: item, Items: [item, {}] }))
		const plain = { text: '', number: 1_795_392_000_000, nothing: null }
		expect(await dynamodb('GetItem', { TableName: 't' })).toEqual({ Item: plain, Items: [plain, {}] })
	})

	it('rejects with what the call throws', async () => {
		const error = new AwsError('ConditionalCheckFailedException')
		const dynamodb = createDynamoDb(() => Promise.reject(error))
		await expect(dynamodb('PutItem', { TableName: 't' })).rejects.toBe(error)
	})

	it('refuses an item with an unknown attribute type', async () => {
		const dynamodb = createDynamoDb(async () => '{"Item":{"event":{"M":{}}}}')
		await expect(dynamodb('GetItem', { TableName: 't' })).rejects.toMatchObject({
			name: 'UnknownAttributeType',
		})
	})
})

describe('a 200 that is not from AWS', () => {
	it.each(['', '[]', '1', 'null', '<html>hello</html>'])('is no write: %j', async (body) => {
		const dynamodb = createDynamoDb(async () => body)
		await expect(dynamodb('PutItem', { TableName: 't', Item: { a: 1 } })).rejects.toMatchObject({
			name: 'NoAnswer',
		})
	})
})

describe('isConditionFailed', () => {
	it('is true of a condition that does not hold, and of no other failure', () => {
		expect(isConditionFailed(new AwsError('ConditionalCheckFailedException'))).toBe(true)
		expect(isConditionFailed(new AwsError('ThrottlingException'))).toBe(false)
		expect(isConditionFailed(new Error('ConditionalCheckFailedException'))).toBe(false)
	})
})

describe('throwUnavailable', () => {
	it('names the failure, and keeps it as the cause', () => {
		const cause = new AwsError('ResourceNotFoundException')
		expect(() => throwUnavailable(cause)).toThrow(
			expect.objectContaining({
				code: 'LEDGER_UNAVAILABLE',
				retryable: true,
				message: 'the table of exports cannot be used: ResourceNotFoundException',
				cause,
			}),
		)
		expect(() => throwUnavailable('text')).toThrow('the table of exports cannot be used: string')
	})
})
