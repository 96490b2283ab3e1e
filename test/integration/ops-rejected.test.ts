import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { runCommand } from './command.ts'

let folder: string
let cloud: Cloud
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'rejected-'))
	cloud = await startCloud({ isQueueIdle: true })
	await writeFile(join(folder, 'cloud.json'), JSON.stringify(cloud.connection))
})
afterAll(async () => {
	await cloud.stop()
	await rm(folder, { recursive: true })
})

const letters = (...args: string[]) =>
	runCommand('tools/ops/main.ts', ['dead-letters', ...args], {
		env: { LOCAL_CLOUD_FILE: join(folder, 'cloud.json') },
	})

async function countOf(QueueUrl: string): Promise<string | undefined> {
	const { Attributes } = await cloud.aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
	)
	return Attributes?.ApproximateNumberOfMessages
}

/** The id under which the sender, and the function's log, know the message. */
let originalId: string
let copyId: string
beforeEach(async () => {
	await letters('discard', '--rejected')
	const { MessageId = '' } = await cloud.aws.sqs.send(
		new SendMessageCommand({ QueueUrl: cloud.requestQueue.url, MessageBody: '{"a":1}' }),
	)
	originalId = MessageId
	await cloud.pollOnce('requests', 0)
	const [letter] = (await letters('list', '--json')).json() as { messageId: string }[]
	copyId = letter?.messageId ?? ''
})

describe('a rejected message, which the function copies to the dead-letter queue', () => {
	it('is listed and shown with the id of the original', async () => {
		expect(copyId).not.toBe(originalId)
		expect((await letters('list', '--json')).json()).toMatchObject([
			{ messageId: copyId, originalMessageId: originalId, code: 'REQUEST_INVALID' },
		])
		expect((await letters('list')).output).toMatch(new RegExp(`^${copyId}  ${originalId}  requests`, 'm'))
		for (const id of [copyId, originalId]) {
			const { output, code } = await letters('show', id)
			expect(output).toMatch(new RegExp(`^originalMessageId +${originalId}$`, 'm'))
			expect(code).toBe(0)
		}
	})

	it('is redriven by the id of the original', async () => {
		expect(await letters('redrive', originalId)).toMatchObject({ code: 0 })
		expect(await countOf(cloud.deadLetterQueue.url)).toBe('0')
		expect(await countOf(cloud.requestQueue.url)).toBe('1')
		await cloud.pollOnce('requests', 0)
	})

	it('is discarded by the id of the original', async () => {
		expect(await letters('discard', originalId)).toMatchObject({ code: 0 })
		expect(await countOf(cloud.deadLetterQueue.url)).toBe('0')
	})
})

it('finds nothing by an id that only the sender wrote into the attributes', async () => {
	const own = { DataType: 'String', StringValue: 'mine' }
	await cloud.aws.sqs.send(
		new SendMessageCommand({
			QueueUrl: cloud.deadLetterQueue.url,
			MessageBody: '{}',
			MessageAttributes: { originalMessageId: own },
		}),
	)
	expect(await letters('show', 'mine')).toMatchObject({ code: 1 })
	const all = (await letters('list', '--json')).json() as { originalMessageId: string | null }[]
	expect(all.map(({ originalMessageId }) => originalMessageId).sort()).toEqual([originalId, null].sort())
	const { output } = await letters('list')
	expect(output).toMatch(/^[\w-]+ {2}- +requests/m)
})
