import { readFile } from 'node:fs/promises'
import { EXAMPLES } from '../../docs.ts'
import type { SampleRequest } from '../send.ts'
import { WAYS, type Way } from './send-request.ts'

/** A field of the request, as docs/export-request.schema.json describes it. */
export interface FormField {
	name: string
	isRequired: boolean
	pattern: string | null
	choices: readonly string[] | null
}

export interface Example {
	title: string
	way: Way
	text: string
}

/** What the page makes its form from. */
export interface Form {
	fields: FormField[]
	examples: Example[]
	ways: readonly Way[]
}

interface Schema {
	required: readonly string[]
	properties: Readonly<Record<string, { pattern?: string; enum?: readonly string[] }>>
}

export async function readForm(): Promise<Form> {
	const read = async (path: string): Promise<unknown> =>
		JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'))
	// PostgreSQL's fields. The other products' requests are examples, to be edited as JSON.
	const {
		oneOf: [schema],
	} = (await read('../../../docs/export-request.schema.json')) as { oneOf: [Schema] }
	const samples = (await read('../requests.json')) as SampleRequest[]
	return {
		fields: Object.entries(schema.properties).map(([name, { pattern = null, enum: choices = null }]) => ({
			name,
			isRequired: schema.required.includes(name),
			pattern,
			choices,
		})),
		// What needs a fault of the topic is in the list of faults.
		examples: [
			...samples.filter(({ publishFailures }) => publishFailures === undefined).map(toExample),
			...OTHER_PRODUCTS.map(({ summary: title, value: body }) => toExample({ title, via: 'queue', body })),
		],
		ways: WAYS,
	}
}

const OTHER_PRODUCTS = [EXAMPLES.mysql, EXAMPLES.mongodb, EXAMPLES.cache]

function toExample({
	title,
	via,
	text,
	body,
}: Pick<SampleRequest, 'title' | 'via' | 'text' | 'body'>): Example {
	return { title, way: via, text: text ?? JSON.stringify(body, null, 2) }
}
