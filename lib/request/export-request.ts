import { closest, distance } from 'fastest-levenshtein'
import * as v from 'valibot'
import { cut, type Problem, RequestInvalid } from '../errors.ts'

const text = v.string('must be a string')

/** An unpaired surrogate would be sent as another character than the one asked for. */
const wellFormed = v.check((value: string) => value.isWellFormed(), 'must be well-formed Unicode')

/** The request as users write it; names are the API's own. Unknown fields are refused by `parseExportRequest`. */
export const exportRequestSchema = v.object({
	cloudPostgresqlInstanceNo: v.pipe(
		v.union(
			[v.string(), v.pipe(v.number(), v.safeInteger(), v.transform(String))],
			'must be 1 to 20 digits as a string, or a number without loss',
		),
		v.regex(/^\d{1,20}$/, 'must be 1 to 20 digits'),
	),
	fileName: v.pipe(
		text,
		v.minLength(1, 'must have 1 to 255 characters'),
		v.maxLength(255, 'must have 1 to 255 characters'),
		v.regex(/^\P{Cc}*$/u, 'must hold no control characters'),
		v.regex(/^\S(?:.*\S)?$/su, 'must not start or end with white space'),
		wellFormed,
	),
	bucketName: v.pipe(
		text,
		v.regex(/^[a-z0-9.-]{3,63}$/, 'must be 3 to 63 of a-z, 0-9, "." and "-"'),
		v.regex(/^(?!\d{1,3}(\.\d{1,3}){3}$)/, 'must not look like an IP address'),
	),
	regionCode: v.optional(v.pipe(text, v.regex(/^[A-Z]{2,8}$/, 'must be 2 to 8 capital letters, such as KR'))),
	responseFormatType: v.optional(v.picklist(['xml', 'json'], 'must be "xml" or "json"')),
	idempotencyKey: v.optional(
		v.pipe(
			text,
			v.regex(/^[ -~]{1,255}$/, 'must be 1 to 255 printable ASCII characters'),
			v.regex(/^\S(?:.*\S)?$/, 'must not start or end with white space'),
		),
	),
})

export type ExportRequest = v.InferOutput<typeof exportRequestSchema>

const FIELDS: readonly string[] = Object.keys(exportRequestSchema.entries)

/** More than these are counted, not listed: the caller can send 256 KiB of unknown fields. */
const MAX_PROBLEMS = 20

/**
 * Unknown to typed, for every trigger. `regionCode` is the default for a request that names none.
 * Throws `REQUEST_INVALID` with every problem of the request at once, or `REQUEST_UNREADABLE` when it has no fields.
 */
export function parseExportRequest(value: unknown, regionCode?: string): ExportRequest {
	if (!isRecord(value)) {
		throw new RequestInvalid(
			[{ field: 'body', detail: 'must be an object with the fields of a request' }],
			'REQUEST_UNREADABLE',
		)
	}
	const known = Object.fromEntries(
		FIELDS.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]),
	)
	const result = v.safeParse(exportRequestSchema, known, { abortPipeEarly: true })
	const problems = [...(result.issues ?? []).map(toProblem), ...unknownFieldProblems(value)]
	if (!result.success || problems.length > 0) throw new RequestInvalid(shorten(problems))
	return { ...(regionCode === undefined ? {} : { regionCode }), ...result.output }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Own keys, not the schema's strict mode: that one lets `constructor` and `__proto__` pass as known. */
function unknownFieldProblems(value: Record<string, unknown>): Problem[] {
	return Object.keys(value)
		.filter((name) => !FIELDS.includes(name))
		.map((name, index) => ({ field: cut(name), detail: index < MAX_PROBLEMS ? describeUnknown(name) : '' }))
}

function describeUnknown(name: string): string {
	const nearest = closest(cut(name).toLowerCase(), FIELDS.map((field) => field.toLowerCase()) as string[])
	const field = FIELDS.find((candidate) => candidate.toLowerCase() === nearest)
	const isNear = distance(cut(name).toLowerCase(), nearest) <= Math.ceil(nearest.length / 3)
	return isNear ? `is unknown; did you mean "${field}"?` : `is unknown; known are ${FIELDS.join(', ')}`
}

function toProblem(issue: v.BaseIssue<unknown>): Problem {
	const field = String(issue.path?.[0]?.key ?? 'body')
	return { field, detail: issue.received === 'undefined' ? 'is required' : issue.message }
}

function shorten(problems: Problem[]): Problem[] {
	const more = problems.length - MAX_PROBLEMS
	if (more <= 0) return problems
	return [...problems.slice(0, MAX_PROBLEMS), { field: 'body', detail: `has ${more} more problems` }]
}
