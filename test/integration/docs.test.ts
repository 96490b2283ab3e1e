import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeEventSchema } from '../../lib/outcome/outcome-schema.ts'
import { problemSchema } from '../../lib/webhook/problem-schema.ts'
import { DOCUMENTS, EXAMPLES } from '../../tools/docs.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { takeOutcomes } from './outcomes.ts'

let cloud: Cloud
beforeAll(async () => {
	cloud = await startCloud()
})
afterAll(() => cloud.stop())

const post = (body: string) =>
	fetch(`${cloud.webhookUrl}/exports`, {
		method: 'POST',
		body,
		headers: { 'content-type': 'application/json' },
	})

describe('the generated documents', () => {
	it.each(Object.keys(DOCUMENTS))('%s matches the code', async (path) => {
		const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
		expect(JSON.parse(text)).toEqual(DOCUMENTS[path])
	})

	it.each(Object.entries(EXAMPLES))(
		'describe the answer to the example "%s"',
		async (_name, { value, status }) => {
			const response = await post(JSON.stringify(value))
			expect(String(response.status)).toBe(status)
			const answer = await response.json()
			// Parsing drops unknown fields, so an equal result means that the schema knows all of them.
			expect(v.parse(status === '202' ? outcomeEventSchema : problemSchema, answer)).toEqual(answer)
		},
	)

	it('describe every outcome that reaches the topic, including a rejected one', async () => {
		await post('{"fileName":1}')
		const events = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, Object.keys(EXAMPLES).length + 1)
		for (const event of events) expect(v.parse(outcomeEventSchema, event)).toEqual(event)
		expect(events.map(({ data }) => data.state)).toContain('rejected')
	})
})
