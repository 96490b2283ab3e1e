import { AwsError } from '../aws-error.ts'
import { ExportError, toReason } from '../errors.ts'
import { type CallAws, parseAnswer } from './call-aws.ts'

/** Items are flat. */
type Value = string | number | null

type Values = Readonly<Record<string, Value>>

export interface TableRequest {
	TableName: string
	Key?: Values
	Item?: Values
	ExpressionAttributeValues?: Values
	ExclusiveStartKey?: Values
	[option: string]: unknown
}

export interface TableAnswer {
	Item?: Values
	Items?: Values[]
	/** There may be more behind this key: the next page starts there. */
	LastEvaluatedKey?: Values
}

/** One operation of DynamoDB, with plain values instead of typed ones. Throws `AwsError`. */
export type DynamoDb = (
	operation: 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem',
	request: TableRequest,
) => Promise<TableAnswer>

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html */
export function createDynamoDb(call: CallAws): DynamoDb {
	return async (operation, { Key, Item, ExpressionAttributeValues, ExclusiveStartKey, ...rest }) => {
		const values = typed({ Key, Item, ExpressionAttributeValues, ExclusiveStartKey })
		const body = JSON.stringify({ ...rest, ...values })
		const headers = {
			'content-type': 'application/x-amz-json-1.0',
			'x-amz-target': `DynamoDB_20120810.${operation}`,
		}
		const { Item: item, Items, LastEvaluatedKey }: TypedAnswer = parseAnswer(await call(headers, body))
		return {
			...(item ? { Item: fromTyped(item) } : {}),
			...(Items ? { Items: Items.map(fromTyped) } : {}),
			...(LastEvaluatedKey ? { LastEvaluatedKey: fromTyped(LastEvaluatedKey) } : {}),
		}
	}
}

/** True when a write was refused because its condition does not hold. */
export function isConditionFailed(error: unknown): boolean {
	return error instanceof AwsError && error.name === 'ConditionalCheckFailedException'
}

/** Resolves with false when a write was refused because its condition does not hold. Throws `LEDGER_UNAVAILABLE`. */
export function isDone(write: Promise<unknown>): Promise<boolean> {
	return write.then(
		() => true,
		(error) => (isConditionFailed(error) ? false : throwUnavailable(error)),
	)
}

/** Throws `LEDGER_UNAVAILABLE` in place of an `AwsError`. */
export function throwUnavailable(error: unknown): never {
	throw new ExportError('LEDGER_UNAVAILABLE', `the table of exports cannot be used: ${toReason(error)}`, {
		cause: error,
	})
}

type TypedValue = { S: string } | { N: string } | { NULL: true }

type TypedValues = Readonly<Record<string, TypedValue>>

interface TypedAnswer {
	Item?: TypedValues
	Items?: TypedValues[]
	LastEvaluatedKey?: TypedValues
}

function typed(parts: Readonly<Record<string, Values | undefined>>): Record<string, TypedValues> {
	return Object.fromEntries(
		Object.entries(parts).flatMap(([name, values]) =>
			values === undefined ? [] : [[name, mapValues(values, toTyped)]],
		),
	)
}

function toTyped(value: Value): TypedValue {
	if (value === null) return { NULL: true }
	return typeof value === 'number' ? { N: String(value) } : { S: value }
}

function fromTyped(values: TypedValues): Values {
	return mapValues(values, (value) => {
		if ('S' in value) return value.S
		if ('N' in value) return Number(value.N)
		if ('NULL' in value) return null
		// Not written by this project.
		throw new AwsError('UnknownAttributeType')
	})
}

function mapValues<From, To>(
	values: Readonly<Record<string, From>>,
	map: (value: From) => To,
): Record<string, To> {
	return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))
}
