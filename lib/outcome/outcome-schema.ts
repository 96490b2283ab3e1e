import * as v from 'valibot'
import { ERROR_CODES } from '../errors.ts'
import { PRODUCT_NAMES, type Product, rowOf } from '../products.ts'
import { TRIGGER_KINDS } from '../request/delivery.ts'

/** The states of an outcome. `rejected` is the state of a request: no export exists. */
export const STATES = [
	'accepted',
	'completed',
	'missing',
	'unverified',
	'refused',
	'rejected',
	'unknown',
	'exhausted',
] as const

const text = v.string()
const time = v.pipe(v.string(), v.isoTimestamp())

const replySchema = v.object({
	httpStatus: v.nullable(v.number()),
	requestId: v.nullable(text),
	returnCode: v.nullable(text),
	returnMessage: v.nullable(text),
	traceId: v.nullable(text),
})

const errorSchema = v.object({
	code: v.picklist(ERROR_CODES),
	envelope: v.nullable(v.picklist(['gateway', 'api', 'response', 'none'])),
	ncpCode: v.nullable(text),
	message: text,
	problems: v.optional(v.pipe(v.array(v.object({ field: text, detail: text })), v.readonly())),
})

/** What identifies a backup of one product, in the API's names. */
function toOutcomeRequestSchema(product: Product) {
	const { title, instanceField, fileField, choices, hasFolder } = rowOf(product)
	const chosen = Object.entries(choices).map(([name, values]) => [name, v.picklist(values)])
	const schema = v.object({
		[instanceField]: text,
		[fileField]: text,
		...Object.fromEntries(chosen),
		bucketName: text,
		...(hasFolder ? { folderPath: v.optional(text) } : {}),
		regionCode: v.optional(text),
	})
	return v.pipe(schema, v.title(`${title} backup`))
}

const dataSchema = v.object({
	exportId: v.pipe(v.nullable(text), v.description('Null only for `rejected`: no export exists.')),
	state: v.picklist(STATES),
	terminal: v.boolean(),
	request: v.nullable(v.union(PRODUCT_NAMES.map(toOutcomeRequestSchema))),
	reply: v.nullable(replySchema),
	error: v.nullable(errorSchema),
	object: v.nullable(v.object({ key: text, size: v.number(), etag: text, lastModified: text })),
	candidates: v.optional(
		v.pipe(
			v.array(text),
			v.readonly(),
			v.description(
				'With `OBJECT_AMBIGUOUS`: keys of objects that may or may not be this export’s, at most 10.',
			),
		),
	),
	attempts: v.number(),
	trigger: v.object({ kind: v.picklist(TRIGGER_KINDS), id: text }),
	requestedAt: time,
	settledAt: time,
	original: v.optional(v.pipe(text, v.description('The text of a rejected request, cut at 64 KiB.'))),
	originalTruncated: v.optional(v.boolean()),
})

/**
 * What is published. The code takes its types from this schema, and docs/ its JSON Schemas; no function loads it.
 * A structured CloudEvent 1.0. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export const outcomeEventSchema = v.object({
	specversion: v.literal('1.0'),
	id: v.pipe(text, v.description('Made of export and state: events with the same id are identical.')),
	source: text,
	type: v.picklist(STATES.map((state) => `ncp.backup.export.${state}.v1` as const)),
	subject: v.optional(text),
	time,
	datacontenttype: v.literal('application/json'),
	traceparent: v.optional(text),
	data: dataSchema,
})
