import type { TableAnswer, TableRequest } from '../../lib/aws/dynamodb.ts'
import { AwsError } from '../../lib/aws-error.ts'

export type Item = Readonly<Record<string, string | number | null>>

export type Operation = 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem'

type Test = (item: Item | undefined, values: Item) => boolean

/**
 * DynamoDB as the adapters of `lib/aws` use it: single items with conditions, and one index by `exportId`. An expression that
 * it does not know throws a plain Error, so that a new one cannot pass unnoticed.
 */
export class MemoryTable {
	readonly items = new Map<string, Item>()
	/** The index follows the table by so many milliseconds. */
	readonly #indexLagMs: number
	/** Former items, for as long as the index may still show them. */
	readonly #former: { key: string; item: Item | undefined; untilMs: number }[] = []
	readonly #byExportId = new Map<string, Set<string>>()

	constructor(indexLagMs = 0) {
		this.#indexLagMs = indexLagMs
	}

	/** At once. Throws `AwsError` for a condition that does not hold. */
	apply(operation: Operation, request: TableRequest, nowMs: number): TableAnswer {
		const { ExpressionAttributeValues: values = {} } = request
		if (operation === 'Query') return this.#query(String(Object.values(values)[0]), request, nowMs)
		const key = String((request.Item ?? request.Key)?.exportKey)
		const item = this.items.get(key)
		if (operation === 'GetItem') return item === undefined ? {} : { Item: item }
		const condition = request.ConditionExpression
		if (typeof condition === 'string' && !toTest(condition)(item, values))
			throw new AwsError('ConditionalCheckFailedException')
		if (operation === 'DeleteItem') this.#set(key, undefined, nowMs)
		else if (operation === 'PutItem') this.#set(key, request.Item as Item, nowMs)
		else this.#set(key, { exportKey: key, ...item, ...toChange(request, values) }, nowMs)
		return {}
	}

	/** What DynamoDB does some time after items have expired. */
	removeExpired(nowMs: number): void {
		for (const [key, { expiresAt }] of this.items)
			if (typeof expiresAt === 'number' && expiresAt * 1000 <= nowMs) this.#set(key, undefined, nowMs)
	}

	#set(key: string, next: Item | undefined, nowMs: number): void {
		const item = this.items.get(key)
		if (this.#indexLagMs > 0) this.#former.push({ key, item, untilMs: nowMs + this.#indexLagMs })
		if (item !== undefined) this.#byExportId.get(String(item.exportId))?.delete(key)
		if (next === undefined) {
			this.items.delete(key)
			return
		}
		this.items.set(key, next)
		const id = String(next.exportId)
		const keys = this.#byExportId.get(id) ?? new Set()
		this.#byExportId.set(id, keys.add(key))
	}

	#query(exportId: string, { Limit = Number.POSITIVE_INFINITY }: TableRequest, nowMs: number): TableAnswer {
		while ((this.#former[0]?.untilMs ?? nowMs) < nowMs) this.#former.shift()
		const found = new Map(
			[...(this.#byExportId.get(exportId) ?? [])].map((key) => [key, this.items.get(key)]),
		)
		// The oldest first: what an item was before all changes that the index has not seen.
		for (const { key, item } of this.#former.toReversed())
			if (item?.exportId === exportId || found.has(key)) found.set(key, item)
		const all = [...found.values()].filter((item) => item?.exportId === exportId) as Item[]
		const Items = all.slice(0, Number(Limit))
		const last = Items.at(-1)
		return Items.length < all.length && last !== undefined ? { Items, LastEvaluatedKey: last } : { Items }
	}
}

const tests = new Map<string, Test>()

function toTest(expression: string): Test {
	const known = tests.get(expression)
	if (known !== undefined) return known
	const tokens = expression.match(/attribute_(?:not_)?exists|[:\w]+|<=|[=<()]/g) ?? []
	const test = parseEither(tokens)
	if (tokens.length > 0) throw new Error(`the table cannot read the condition ${expression}`)
	tests.set(expression, test)
	return test
}

function parseEither(tokens: string[]): Test {
	const left = parseBoth(tokens)
	if (tokens[0] !== 'OR') return left
	tokens.shift()
	const right = parseEither(tokens)
	return (item, values) => left(item, values) || right(item, values)
}

function parseBoth(tokens: string[]): Test {
	const left = parseOne(tokens)
	if (tokens[0] !== 'AND') return left
	tokens.shift()
	const right = parseBoth(tokens)
	return (item, values) => left(item, values) && right(item, values)
}

function parseOne(tokens: string[]): Test {
	const first = tokens.shift() ?? ''
	if (first === '(') {
		const inner = parseEither(tokens)
		tokens.shift()
		return inner
	}
	if (first.startsWith('attribute_')) {
		const [, name = ''] = tokens.splice(0, 3)
		const isWanted = first === 'attribute_exists'
		return (item) => (item?.[name] !== undefined) === isWanted
	}
	const [operator = '', value = ''] = tokens.splice(0, 2)
	return (item, values) => compare(operator, item?.[first], values[value])
}

/** An attribute that is not there equals nothing, and is less than nothing. */
function compare(operator: string, left: Item[string] | undefined, right: Item[string] | undefined): boolean {
	if (left === undefined || left === null || right === undefined || right === null) return false
	switch (operator) {
		case '=':
			return left === right
		case '<':
			return left < right
		case '<=':
			return left <= right
		default:
			throw new Error(`the table does not know the operator ${operator}`)
	}
}

function toChange({ UpdateExpression }: TableRequest, values: Item): Item {
	const [verb, list = ''] = /^(SET) (.+)$/.exec(String(UpdateExpression))?.slice(1) ?? []
	if (verb !== 'SET') throw new Error(`the table cannot read the update ${UpdateExpression}`)
	return Object.fromEntries(
		list.split(', ').map((each) => {
			const [name = '', value = ''] = each.split(' = ')
			return [name, values[value] ?? null]
		}),
	)
}
