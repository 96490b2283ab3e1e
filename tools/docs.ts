import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { coverageEventSchema } from '../lib/coverage/coverage-event-schema.ts'
import { outcomeEventSchema } from '../lib/outcome/outcome-schema.ts'
import { PRODUCT_NAMES, rowOf } from '../lib/products.ts'
import { toRequestSchema } from '../lib/request/export-request.ts'
import { problemSchema } from '../lib/webhook/problem-schema.ts'

/** The schema is looser than the code: JSON Schema cannot express some checks (white space, Unicode). */
function toSchema(schema: GenericSchema, typeMode: 'input' | 'output'): Record<string, unknown> {
	const { $schema: _dialect, ...rest } = toJsonSchema(schema, {
		target: 'draft-2020-12',
		typeMode,
		errorMode: 'ignore',
	})
	return rest
}

/** `PostgresqlExportRequest`, …: a schema a product, of which code generators make a type each. */
const REQUESTS: Readonly<Record<string, object>> = Object.fromEntries(
	PRODUCT_NAMES.map((product) => [
		`${product[0]?.toUpperCase()}${product.slice(1)}ExportRequest`,
		{
			title: `${rowOf(product).title} export request`,
			...toSchema(toRequestSchema(product), 'input'),
			additionalProperties: false,
		},
	]),
)
const outcomeEvent = toSchema(outcomeEventSchema, 'output')

const REQUEST = { cloudPostgresqlInstanceNo: '1234925', fileName: '20210528', bucketName: 'my-bucket' }

/** `test/integration/docs.test.ts` sends each of them to the webhook. */
export const EXAMPLES = {
	plain: { summary: 'The three required fields', value: REQUEST, status: '202' },
	whole: {
		summary: 'Every field',
		value: {
			...REQUEST,
			folderPath: 'nightly/1234925/',
			regionCode: 'KR',
			responseFormatType: 'json',
			idempotencyKey: 'nightly-2021-05-28',
		},
		status: '202',
	},
	mysql: {
		summary: 'A MySQL backup',
		value: {
			cloudMysqlInstanceNo: '2234925',
			fileName: '20210528',
			bucketName: 'my-bucket',
			folderPath: 'mysql/',
		},
		status: '202',
	},
	mongodb: {
		summary: 'A MongoDB backup',
		value: { cloudMongoDbInstanceNo: '3234925', objectName: '668583966f0a', bucketName: 'my-bucket' },
		status: '202',
	},
	cache: {
		summary: 'A Cache backup',
		value: {
			cloudCacheInstanceNo: '4234925',
			fileName: 'cache-20210528',
			backupTypeMode: 'MANUAL',
			bucketName: 'my-bucket',
		},
		status: '202',
	},
	refused: {
		summary: 'An instance that NCP does not know',
		value: { ...REQUEST, cloudPostgresqlInstanceNo: '9999999', folderPath: 'nightly/9999999/' },
		status: '422',
	},
} as const

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const problem = (description: string, headers?: object) => ({
	description,
	...(headers ? { headers } : {}),
	content: { 'application/problem+json': { schema: ref('Problem') } },
})
const header = (description: string) => ({ description, schema: { type: 'string' } })

const COMMON = {
	'405': problem('The method is not allowed', { Allow: header('The method to use') }),
	'413': problem('The body is larger than 256 KiB'),
	'500': problem('An internal error; the response holds no details'),
	'401': problem('The signature is missing or invalid; the response does not say which'),
	'503': problem('Not done yet; send the request again', { 'Retry-After': header('Seconds to wait') }),
}

const openApi = {
	openapi: '3.1.0',
	info: {
		title: 'NCP backup exporter',
		version: '1.0.0',
		summary: 'Copies a backup of a NAVER Cloud database to Object Storage and reports the outcome',
		license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
	},
	servers: [{ url: 'https://{host}', variables: { host: { default: 'webhook.example' } } }],
	security: [{ standardWebhooks: [] }],
	paths: {
		'/exports': {
			post: {
				operationId: 'createExport',
				summary: 'Exports one backup',
				description:
					'Calls NCP once for all identical requests within the deduplication time. The body may also be wrapped in any of the envelopes that a queue message may have.',
				parameters: [
					{
						name: 'Idempotency-Key',
						in: 'header',
						description: 'The idempotencyKey of the request, with or without quotes',
						schema: { type: 'string' },
					},
					{
						name: 'Prefer',
						in: 'header',
						description: 'respond-async: put the request on the queue and respond immediately',
						schema: { type: 'string' },
					},
				],
				requestBody: {
					required: true,
					content: {
						'application/json': {
							schema: ref('ExportRequest'),
							examples: Object.fromEntries(
								Object.entries(EXAMPLES).map(([name, { summary, value }]) => [name, { summary, value }]),
							),
						},
						'application/x-www-form-urlencoded': { schema: ref('ExportRequest') },
					},
				},
				responses: {
					'202': {
						description: 'Accepted, unknown, or queued: see `data.state` or `state`',
						headers: { Location: header('URL of the latest outcome') },
						content: {
							'application/cloudevents+json': { schema: ref('OutcomeEvent') },
							'application/json': { schema: ref('Queued') },
						},
					},
					'400': problem('The body cannot be read'),
					'409': problem('The same export is in progress, or the destination is another instance’s', {
						'Retry-After': header('Seconds to wait while it is in progress'),
					}),
					'415': problem('The body is neither JSON nor a form'),
					'422': problem('A field is invalid, or NCP refused the request'),
					...COMMON,
				},
			},
		},
		'/exports/{exportId}': {
			get: {
				operationId: 'readExport',
				summary: 'The latest outcome of an export',
				parameters: [
					{
						name: 'exportId',
						in: 'path',
						required: true,
						schema: { type: 'string', pattern: '^[0-9A-HJKMNP-TV-Z]{26}$' },
					},
				],
				responses: {
					'200': {
						description: 'The latest outcome event, or the state of an export without one',
						content: {
							'application/cloudevents+json': { schema: ref('OutcomeEvent') },
							'application/json': { schema: ref('Queued') },
						},
					},
					'404': problem('The export does not exist, or has expired'),
					...COMMON,
				},
			},
		},
	},
	components: {
		securitySchemes: {
			standardWebhooks: {
				type: 'apiKey',
				in: 'header',
				name: 'webhook-signature',
				description:
					'Standard Webhooks: a signature over webhook-id, webhook-timestamp and the raw body. See webhook.md.',
			},
		},
		schemas: {
			...REQUESTS,
			ExportRequest: { oneOf: Object.keys(REQUESTS).map(ref) },
			OutcomeEvent: outcomeEvent,
			Problem: toSchema(problemSchema, 'output'),
			Queued: {
				type: 'object',
				required: ['exportId', 'state'],
				properties: { exportId: { type: 'string' }, state: { enum: ['queued', 'in-progress'] } },
			},
		},
	},
}

const DIALECT = { $schema: 'https://json-schema.org/draft/2020-12/schema' }

/** Every document that is generated from the code, by path. */
export const DOCUMENTS: Readonly<Record<string, object>> = {
	'docs/openapi.json': openApi,
	'docs/export-request.schema.json': {
		...DIALECT,
		title: 'Export request',
		oneOf: Object.values(REQUESTS),
	},
	'docs/outcome-event.schema.json': { ...DIALECT, title: 'Outcome event', ...outcomeEvent },
	'docs/coverage-event.schema.json': {
		...DIALECT,
		title: 'Coverage event',
		...toSchema(coverageEventSchema, 'output'),
	},
}

if (import.meta.main) {
	const isCheck = process.argv.includes('--check')
	const root = new URL('..', import.meta.url)
	await mkdir(new URL('docs', root), { recursive: true })
	for (const [path, document] of Object.entries(DOCUMENTS)) {
		const file = new URL(path, root)
		const text = `${JSON.stringify(document, null, '\t')}\n`
		if (!isCheck) {
			await writeFile(file, text)
		} else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
			console.error(`${path} is out of date; run "npm run docs"`)
			process.exitCode = 1
		}
	}
}
