import * as v from 'valibot'

/** RFC 9457, and our own members. The code takes its type from it, and the documents their schema; no function loads it. */
export const problemSchema = v.object({
	type: v.pipe(v.string(), v.description('A URN that stands for the code.')),
	title: v.string(),
	status: v.number(),
	detail: v.string(),
	instance: v.string(),
	code: v.string(),
	retryable: v.pipe(v.boolean(), v.description('The same request may be sent again.')),
	errors: v.optional(v.pipe(v.array(v.object({ field: v.string(), detail: v.string() })), v.readonly())),
	ncpCode: v.optional(v.nullable(v.string())),
	envelope: v.optional(v.nullable(v.string())),
})
