import * as v from 'valibot'
import { cut, type Problem, RequestInvalid } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import { mapProducts, PRODUCTS, type Product, productOf } from '../products.ts'
import { FOLDER_PATH, FOLDER_PATH_RULE, renderFolderPath, toFolderPath } from './folder-path.ts'
import { findNearest } from './nearest-name.ts'

/** A valid request, in the code's own words. */
export interface ExportRequest {
	product: Product
	instanceNo: string
	fileName: string
	bucketName: string
	/** Ends with a slash. Undefined = NCP chooses the place. */
	folderPath?: string | undefined
	regionCode?: string | undefined
	responseFormatType?: 'xml' | 'json' | undefined
	idempotencyKey?: string | undefined
}

/** What holds for a request that does not say it. */
export interface RequestDefaults {
	regionCode?: string | undefined
	/** May hold `{instanceNo}`. */
	folderPath?: string | undefined
}

/** A request in the API's own names, as callers send it and as events hold it. */
export type ApiRequest = Readonly<Record<string, string | undefined>>

const text = v.string('must be a string')

/** An unpaired surrogate would be sent as another character than the one asked for. */
const wellFormed = v.check((value: string) => value.isWellFormed(), 'must be well-formed Unicode')

export const instanceNoSchema = v.pipe(
	v.union(
		[v.string(), v.pipe(v.number(), v.safeInteger(), v.transform(String))],
		'must be 1 to 20 digits as a string, or a number without loss',
	),
	v.regex(/^\d{1,20}$/, 'must be 1 to 20 digits'),
)

const fileName = v.pipe(
	text,
	v.minLength(1, 'must have 1 to 255 characters'),
	v.maxLength(255, 'must have 1 to 255 characters'),
	v.regex(/^\P{Cc}*$/u, 'must hold no control characters'),
	v.regex(/^\S(?:.*\S)?$/su, 'must not start or end with white space'),
	wellFormed,
)

export const bucketNameSchema = v.pipe(
	text,
	v.regex(/^[a-z0-9.-]{3,63}$/, 'must be 3 to 63 of a-z, 0-9, "." and "-"'),
	v.regex(/^(?!\d{1,3}(\.\d{1,3}){3}$)/, 'must not look like an IP address'),
)

export const regionCodeSchema = v.pipe(
	text,
	v.regex(/^[A-Z]{2,8}$/, 'must be 2 to 8 capital letters, such as KR'),
)

const shared = {
	bucketName: bucketNameSchema,
	folderPath: v.optional(v.pipe(text, v.regex(FOLDER_PATH, FOLDER_PATH_RULE), v.transform(toFolderPath))),
	regionCode: v.optional(regionCodeSchema),
	responseFormatType: v.optional(v.picklist(['xml', 'json'], 'must be "xml" or "json"')),
	idempotencyKey: v.optional(
		v.pipe(
			text,
			v.regex(/^[ -~]{1,255}$/, 'must be 1 to 255 printable ASCII characters'),
			v.regex(/^\S(?:.*\S)?$/, 'must not start or end with white space'),
		),
	),
}

type Shared = v.InferOutput<ReturnType<typeof v.object<typeof shared, undefined>>>

/** A request of one product as users write it. Unknown fields are refused by `parseExportRequest`. */
export function toRequestSchema(product: Product) {
	const { instanceField, fileField } = PRODUCTS[product]
	return v.object({ [instanceField]: instanceNoSchema, [fileField]: fileName, ...shared })
}

const SCHEMAS = mapProducts(toRequestSchema)

/** More than these are counted, not listed: a caller can send 256 KiB of unknown fields. */
const MAX_PROBLEMS = 20

/**
 * Unknown to typed, for every trigger. Throws `REQUEST_INVALID` with every problem of the request at once, or `REQUEST_UNREADABLE` when it has no fields.
 */
export function parseExportRequest(value: unknown, defaults: RequestDefaults = {}): ExportRequest {
	if (!isRecord(value)) {
		throw new RequestInvalid(
			[{ field: 'body', detail: 'must be an object with the fields of a request' }],
			'REQUEST_UNREADABLE',
		)
	}
	const product = productOf(value)
	const schema = SCHEMAS[product]
	const fields = Object.keys(schema.entries)
	const known = Object.fromEntries(
		fields.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]),
	)
	const result = v.safeParse(schema, known, { abortPipeEarly: true })
	const problems = [...(result.issues ?? []).map(toProblem), ...unknownFieldProblems(value, fields)]
	if (!result.success || problems.length > 0) throw new RequestInvalid(shorten(problems))
	const { instanceField, fileField } = PRODUCTS[product]
	const { [instanceField]: instance, [fileField]: file, ...rest } = result.output as Shared & ApiRequest
	return {
		product,
		instanceNo: instance ?? '',
		fileName: file ?? '',
		...withDefaults(defaults, instance ?? ''),
		...(rest as Shared),
	}
}

function withDefaults({ regionCode, folderPath }: RequestDefaults, instanceNo: string): RequestDefaults {
	return {
		...(regionCode === undefined ? {} : { regionCode }),
		...(folderPath === undefined ? {} : { folderPath: renderFolderPath(folderPath, instanceNo) }),
	}
}

/** The request in the API's names; `parseExportRequest` takes it back. */
export function toApiRequest({ product, instanceNo, fileName, ...rest }: ExportRequest): ApiRequest {
	const { instanceField, fileField } = PRODUCTS[product]
	return { [instanceField]: instanceNo, [fileField]: fileName, ...rest }
}

/** The other way, without checking: a stored event holds a request that was valid when it was written. */
export function fromApiRequest(request: ApiRequest): ExportRequest {
	const product = productOf(request)
	const { instanceField, fileField } = PRODUCTS[product]
	const {
		[instanceField]: instanceNo = '',
		[fileField]: fileName = '',
		bucketName = '',
		folderPath,
		regionCode,
	} = request
	return { product, instanceNo, fileName, bucketName, folderPath, regionCode }
}

/** Own keys, not the schema's strict mode: that one lets `constructor` and `__proto__` pass as known. */
function unknownFieldProblems(value: Record<string, unknown>, fields: readonly string[]): Problem[] {
	return Object.keys(value)
		.filter((name) => !fields.includes(name))
		.map((name, index) => ({
			field: cut(name),
			detail: index < MAX_PROBLEMS ? describeUnknown(cut(name), fields) : '',
		}))
}

function describeUnknown(name: string, fields: readonly string[]): string {
	const nearest = findNearest(name, fields)
	return nearest === null
		? `is unknown; known are ${fields.join(', ')}`
		: `is unknown; did you mean "${nearest}"?`
}

function toProblem(issue: v.BaseIssue<unknown>): Problem {
	const field = String(issue.path?.[0]?.key ?? 'body')
	return { field, detail: issue.received === 'undefined' ? 'is required' : issue.message }
}

function shorten(problems: Problem[]): Problem[] {
	const more = problems.length - MAX_PROBLEMS
	if (more <= 0) return problems
	const detail = `has ${more} more ${more === 1 ? 'problem' : 'problems'}`
	return [...problems.slice(0, MAX_PROBLEMS), { field: 'body', detail }]
}
