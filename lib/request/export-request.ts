import * as v from 'valibot'
import { cut, type Problem, RequestInvalid } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import { mapProducts, PRODUCT_NAMES, type Product, productOf, rowOf } from '../products.ts'
import { FOLDER_PATH, FOLDER_PATH_RULE, renderFolderPath, toFolderPath } from './folder-path.ts'
import { guessProduct } from './guess-product.ts'
import { findNearest } from './nearest-name.ts'

/** A valid request, in the code's own words. */
export interface ExportRequest {
	product: Product
	instanceNo: string
	fileName: string
	/** The product's own choices, such as a Cache's `backupTypeMode`, by the API's names. Undefined = the product has none. */
	chosen?: Readonly<Record<string, string>> | undefined
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

const folderPath = v.optional(v.pipe(text, v.regex(FOLDER_PATH, FOLDER_PATH_RULE), v.transform(toFolderPath)))

const shared = {
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

/** A request of one product as users write it. Unknown fields are refused by `parseExportRequest`. */
export function toRequestSchema(product: Product) {
	const { instanceField, fileField, choices, hasFolder } = rowOf(product)
	const chosen = Object.entries(choices).map(([name, values]) => [
		name,
		v.picklist(values, `must be ${values.map((value) => `"${value}"`).join(' or ')}`),
	])
	return v.object({
		[instanceField]: instanceNoSchema,
		[fileField]: fileName,
		...Object.fromEntries(chosen),
		bucketName: bucketNameSchema,
		...(hasFolder ? { folderPath } : {}),
		...shared,
	})
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
	const product = guessProduct(value)
	const schema = SCHEMAS[product]
	const fields = Object.keys(schema.entries)
	const known = Object.fromEntries(
		fields.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]),
	)
	const result = v.safeParse(schema, known, { abortPipeEarly: true })
	const problems = [...(result.issues ?? []).map(toProblem), ...unknownFieldProblems(value, product, fields)]
	if (!result.success || problems.length > 0) throw new RequestInvalid(shorten(problems))
	const request = toExportRequest(product, result.output as ApiRequest)
	return { ...request, ...toDefaults(request, defaults) }
}

/** From the API's names to ours, without checking. */
function toExportRequest(product: Product, fields: ApiRequest): ExportRequest {
	const { instanceField, fileField, choices } = rowOf(product)
	const { bucketName = '', folderPath, regionCode, responseFormatType, idempotencyKey } = fields
	const chosen = Object.keys(choices).map((name) => [name, fields[name] ?? ''])
	return {
		product,
		instanceNo: fields[instanceField] ?? '',
		fileName: fields[fileField] ?? '',
		...(chosen.length === 0 ? {} : { chosen: Object.fromEntries(chosen) }),
		bucketName,
		folderPath,
		regionCode,
		responseFormatType: responseFormatType as ExportRequest['responseFormatType'],
		idempotencyKey,
	}
}

function toDefaults(request: ExportRequest, defaults: RequestDefaults): RequestDefaults {
	const { product, instanceNo } = request
	const folderPath =
		defaults.folderPath !== undefined && rowOf(product).hasFolder
			? renderFolderPath(defaults.folderPath, instanceNo)
			: undefined
	return {
		regionCode: request.regionCode ?? defaults.regionCode,
		folderPath: request.folderPath ?? folderPath,
	}
}

/** The request in the API's names; `parseExportRequest` takes it back. */
export function toApiRequest({ product, instanceNo, fileName, chosen, ...rest }: ExportRequest): ApiRequest {
	const { instanceField, fileField } = rowOf(product)
	return { [instanceField]: instanceNo, [fileField]: fileName, ...chosen, ...rest }
}

/** The other way, without checking: a stored event holds a request that was valid when it was written. */
export function fromApiRequest(request: ApiRequest): ExportRequest {
	return toExportRequest(productOf(request), request)
}

/** Own keys, not the schema's strict mode: that one lets `constructor` and `__proto__` pass as known. */
function unknownFieldProblems(
	value: Record<string, unknown>,
	product: Product,
	fields: readonly string[],
): Problem[] {
	return Object.keys(value)
		.filter((name) => !fields.includes(name))
		.map((name, index) => ({
			field: cut(name),
			detail: index < MAX_PROBLEMS ? describeUnknown(cut(name), product, fields) : '',
		}))
}

function describeUnknown(name: string, product: Product, fields: readonly string[]): string {
	const { title, instanceField, fileField } = rowOf(product)
	const isOf = (field: 'instanceField' | 'fileField'): boolean =>
		PRODUCT_NAMES.some((each) => rowOf(each)[field] === name)
	if (isOf('instanceField')) return `cannot be combined with ${instanceField}: a request is for one instance`
	if (isOf('fileField')) return `is unknown: ${title} takes "${fileField}", not "${name}"`
	if (name === 'folderPath') return `is unknown: ${title} has no folderPath`
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
