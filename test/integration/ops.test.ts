import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
	DeleteMessageCommand,
	GetQueueAttributesCommand,
	ListQueuesCommand,
	ReceiveMessageCommand,
	SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCompletions } from '../../lib/aws/completions.ts'
import { fromApiRequest } from '../../lib/request/export-request.ts'
import { type Cloud, LOCAL_KEYS, startCloud } from '../../tools/local/cloud.ts'
import { close, listen } from '../../tools/local/listen.ts'
import { type Instance, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'
import type { LocalConnection } from '../../tools/ops/connection.ts'
import { startAwsApis, toOutputs } from '../aws-apis.ts'
import { startEmbeddedSecrets } from '../secrets-manager.ts'
import { runCommand, startCommand } from './command.ts'
import { takeOutcomes } from './outcomes.ts'

const BUSY = '1234929'
const CACHE = '4234925'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

let cloud: Cloud
let folder: string
/** While true, NCP answers "busy" for one instance. */
let isBusy = true
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'ops-'))
	cloud = await startCloud({
		arrivalDeadlineMinutes: 1,
		maxReceiveCount: 1,
		visibilitySeconds: 1,
		simulator: {
			instances: new Map<string, Instance>([
				...['1234925', BUSY].map((number): [string, Instance] => [
					number,
					{ regionCode: 'KR', backups: new Set(['20210528', ...FILES, ...BUSY_FILES]) },
				]),
				[CACHE, { product: 'vcache', regionCode: 'KR', backups: new Set(['nightly']) }],
			]),
			fault: ({ instanceNo }) => (isBusy && instanceNo === BUSY ? 'busy' : undefined),
		},
	})
	await writeConnection('cloud.json', cloud.connection)
})
afterAll(async () => {
	await cloud.stop()
	await rm(folder, { recursive: true })
})

const FILES = Array.from({ length: 25 }, (_, index) => `backup-${index}`)
/** Of the busy instance, whose files must not have the names of the other's. */
const BUSY_FILES = ['busy-0', 'busy-1', 'busy-2']

const writeConnection = (name: string, connection: LocalConnection) =>
	writeFile(join(folder, name), JSON.stringify(connection))

const environment = (name = 'cloud.json') => ({ LOCAL_CLOUD_FILE: join(folder, name) })

const ops = (args: string[], input = '') =>
	runCommand('tools/ops/main.ts', args, { env: environment(), input })

const request = (fileName: string, instance = '1234925') => ({
	cloudPostgresqlInstanceNo: instance,
	fileName,
	bucketName: 'my-bucket',
})

/** Reads the outcomes of the topic until one matches. */
async function outcomeOf(fileName: string, state: string, instance = '1234925') {
	for (;;) {
		for (const event of await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)) {
			const { data } = event
			if (data.request === null) continue
			const request = fromApiRequest(data.request)
			if (request.fileName !== fileName || request.instanceNo !== instance) continue
			if (data.state === state) return event
		}
	}
}

async function countOf(url: string): Promise<number> {
	const { Attributes } = await cloud.aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages'] }),
	)
	return Number(Attributes?.ApproximateNumberOfMessages)
}

/** The emulated queue moves an exhausted message to the dead-letter queue at the next receive. */
async function untilDead(count: number): Promise<unknown[]> {
	for (;;) {
		const { json, output } = await ops(['dead-letters', 'list', '--queue', 'requests', '--json'])
		const letters = output === '' ? [] : json()
		if (letters.length >= count) return letters
	}
}

describe('ops doctor', () => {
	it('finds no fault in the local cloud, and exports nothing', async () => {
		const before = cloud.ncp?.performed.length
		const { code, json } = await ops(['doctor', '--bucket', 'my-bucket', '--json'])
		expect(json()).toMatchObject(
			[
				'request queue',
				'arrival queue',
				'coverage queue',
				'dead letters of requests',
				'dead letters of arrival checks',
				'dead letters of coverage checks',
				'dead letters of pipeline events',
				'topic of outcomes',
				'table of exports',
				'NCP',
				'webhook secrets',
				'bucket my-bucket',
				'exports into my-bucket',
			].map((check) => ({ check, result: 'ok' })),
		)
		expect(code).toBe(0)
		expect(cloud.ncp?.performed.length).toBe(before)
	})

	it('reports what is wrong with keys, table, topic, queue and bucket, and shows no secret', async () => {
		await writeConnection('broken.json', {
			...cloud.connection,
			exportsTableName: 'other',
			resultTopicArn: `${cloud.connection.resultTopicArn}-other`,
			arrivalQueueUrl: `${cloud.connection.arrivalQueueUrl}-other`,
			ncpKeys: { ...LOCAL_KEYS, secretKey: 'swordfish-swordfish' },
		})
		const { code, output } = await runCommand('tools/ops/main.ts', ['doctor', '--bucket', 'my-buckt'], {
			env: environment('broken.json'),
		})
		expect(output).toMatch(/FAILED {3}NCP: NCP does not accept the key pair/)
		expect(output).toMatch(/FAILED {3}table of exports: the table other does not exist/)
		expect(output).toMatch(/FAILED {3}topic of outcomes: the topic export-outcomes-other does not exist/)
		expect(output).toMatch(/FAILED {3}arrival queue: the queue export-arrivals-other does not exist/)
		expect(output).toMatch(/FAILED {3}bucket my-buckt: there is no bucket my-buckt in/)
		expect(output).toContain('5 of 13 checks failed.')
		expect(output).not.toContain('swordfish')
		expect(code).toBe(1)
	})

	it('reports a wrong clock', async () => {
		const simulator = await startNcpSimulator({
			keys: new Map([[LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey]]),
			instances: new Map(),
			buckets: new Set(),
			now: () => Date.now() + 600_000,
		})
		await writeConnection('late.json', { ...cloud.connection, ncpApiUrl: simulator.url })
		const { output } = await runCommand('tools/ops/main.ts', ['doctor'], { env: environment('late.json') })
		await simulator.stop()
		expect(output).toMatch(/FAILED {3}NCP: .* This machine's clock is (59\d|600) s off\./)
	})

	it('reports that NCP cannot be reached', async () => {
		await writeConnection('unreachable.json', { ...cloud.connection, ncpApiUrl: 'http://127.0.0.1:1' })
		const { output } = await runCommand('tools/ops/main.ts', ['doctor'], {
			env: environment('unreachable.json'),
		})
		expect(output).toMatch(/FAILED {3}NCP: http:\/\/127.0.0.1:1 cannot be reached/)
		expect(output).toMatch(/skipped {2}bucket: name one with --bucket/)
	})
})

describe('ops send and status', () => {
	it('sends one request from options, and status finds its outcome', async () => {
		const sent = await ops(['send', '--instance', '1234925', '--file', '20210528', '--bucket', 'my-bucket'])
		expect(sent).toMatchObject({
			code: 0,
			output: expect.stringContaining('Sent 1 request to the queue of the local cloud.'),
		})
		const { data } = await outcomeOf('20210528', 'completed')
		const byRequest = await ops([
			...['status', '--instance', '1234925', '--file', '20210528', '--bucket', 'my-bucket', '--json'],
		])
		expect(byRequest.json()).toMatchObject([{ exportId: data.exportId, state: 'completed', terminal: true }])
		const byId = await ops(['status', data.exportId ?? ''])
		expect(byId).toMatchObject({ code: 0, output: expect.stringMatching(/^object +20210528, 26 bytes/m) })
	})

	it('sends a request with a folder, and status finds it by that folder', async () => {
		const options = [
			'--instance',
			'1234925',
			'--file',
			'20210528',
			'--bucket',
			'my-bucket',
			'--folder',
			'nightly',
		]
		expect(await ops(['send', ...options])).toMatchObject({ code: 0 })
		const { data, subject } = await outcomeOf('20210528', 'completed')
		expect(subject).toBe('my-bucket/nightly/20210528')
		const status = await ops(['status', ...options, '--json'])
		expect(status.json()).toMatchObject([{ exportId: data.exportId, state: 'completed' }])
	})

	it('sends a request for another product, and status finds its outcome', async () => {
		const options = ['--product', 'cache', '--instance', CACHE, '--file', 'nightly', '--bucket', 'my-bucket']
		expect(await ops(['send', ...options])).toMatchObject({
			code: 2,
			errors: expect.stringContaining('the request is not valid: backupTypeMode is required'),
		})
		expect(await ops(['send', ...options, '--backup-type-mode', 'SYSTEM'])).toMatchObject({ code: 0 })
		const { data, source } = await outcomeOf('nightly', 'completed', CACHE)
		expect(source).toBe(`/ncp/vcache/KR/${CACHE}`)
		const status = await ops(['status', ...options, '--backup-type-mode', 'SYSTEM', '--json'])
		expect(status.json()).toMatchObject([{ exportId: data.exportId, state: 'completed' }])
		expect(await ops(['status', ...options, '--backup-type-mode', 'MANUAL'])).toMatchObject({ code: 1 })
	})

	it('sends many requests from standard input, in order', async () => {
		const lines = FILES.map((fileName) => JSON.stringify(request(fileName))).join('\n')
		const { code, json } = await ops(['send', '--from', '-', '--json'], lines)
		expect(code).toBe(0)
		expect(json()).toMatchObject(
			FILES.map((fileName) => ({
				request: { fileName },
				messageId: expect.stringMatching(/./),
				reason: null,
			})),
		)
	})

	it('sends nothing when one request of a file is invalid, and reports which one', async () => {
		const path = join(folder, 'requests.json')
		await writeFile(path, JSON.stringify([request('20210528'), { ...request('x'), fileNam: 'y' }]))
		const waiting = await countOf(cloud.requestQueue.url)
		const { code, errors } = await ops(['send', '--from', path])
		expect(errors).toBe('Nothing was sent.\nrequest 2: fileNam is unknown; did you mean "fileName"?\n')
		expect(code).toBe(1)
		expect(await countOf(cloud.requestQueue.url)).toBeLessThanOrEqual(waiting)
	})

	it.each([
		[['send', '--instance', 'x', '--file', 'f', '--bucket', 'my-bucket'], 'must be 1 to 20 digits', 2],
		[['send', '--from', '-', '--file', 'f'], 'cannot be combined', 2],
		[['send', '--product', 'oracle'], 'Allowed choices are postgresql, mysql, mongodb, cache', 2],
		[['send', '--from', '/nowhere'], '/nowhere cannot be read (ENOENT)', 1],
		[['send', '--form', '-'], 'Did you mean --from?', 2],
		[['status'], 'Name an export by its id', 2],
		[['dead-letters', 'redrive'], 'Name message ids, or give --all', 2],
		[
			['dead-letters', 'list', '--queue', 'dead'],
			'Allowed choices are requests, arrivals, coverage, pipeline',
			2,
		],
		[['watch', '--count', '0'], 'whole number from 1', 2],
	])('%j prints an error and sets the exit code', async (args, words, expected) => {
		const { code, errors } = await ops(args)
		expect(errors).toContain(words)
		expect(errors).not.toMatch(/^\s+at /m)
		expect(code).toBe(expected)
	})

	it('does not find an export that was never requested', async () => {
		expect(await ops(['status', '01JD0000000000000000000000'])).toMatchObject({
			code: 1,
			output: expect.stringContaining('No such export'),
		})
	})
})

describe('ops watch', () => {
	it('shows outcomes as they arrive, and leaves no queue and no subscription behind', async () => {
		const { lines, line, exit } = startCommand(
			'tools/ops/main.ts',
			['watch', '--count', '1', '--json'],
			environment(),
		)
		await line(/listening/)
		await ops(['send', '--instance', '1234925', '--file', 'never', '--bucket', 'my-bucket'])
		expect(await exit).toBe(0)
		expect(lines.map((each) => JSON.parse(each))).toMatchObject([{ data: { request: expect.anything() } }])
		expect(await watchQueues()).toEqual([])
	})

	it.each([
		['SIGINT', 130],
		['SIGTERM', 143],
	] as const)('cleans up on %s, and ends with code %i', async (signal, expected) => {
		const { child, line, exit } = startCommand('tools/ops/main.ts', ['watch'], environment())
		await line(/^Listening/)
		expect(await watchQueues()).toHaveLength(1)
		child.kill(signal)
		expect(await exit).toBe(expected)
		expect(await watchQueues()).toEqual([])
	})

	it('cleans up when its output is closed', async () => {
		const { child, line, exit } = startCommand('tools/ops/main.ts', ['watch', '--json'], environment())
		await line(/listening/)
		child.stdout.destroy()
		await ops(['send', '--instance', '1234925', '--file', 'unread', '--bucket', 'my-bucket'])
		await exit
		expect(await watchQueues()).toEqual([])
	})

	const watchQueues = async () => {
		const { QueueUrls = [] } = await cloud.aws.sqs.send(new ListQueuesCommand({}))
		return QueueUrls.filter((url) => url.includes('watch'))
	}
})

describe('ops dead-letters', () => {
	it('lists them with their reasons, shows one, and redrives those that are not rejected', async () => {
		await ops(['send', '--instance', BUSY, '--file', 'busy-0', '--bucket', 'my-bucket'])
		await cloud.aws.sqs.send(
			new SendMessageCommand({ QueueUrl: cloud.requestQueue.url, MessageBody: 'swordfish \u009b31m' }),
		)
		const exhausted = await outcomeOf('busy-0', 'exhausted', BUSY)
		const letters = (await untilDead(2)) as { messageId: string; code: string; reason: string }[]
		const dead = letters.find(({ code }) => code === 'NCP_LATER')
		const rejected = letters.find(({ code }) => code === 'REQUEST_UNREADABLE')
		expect(dead?.reason).toMatch(/^exhausted: NCP has not done it yet/)

		const shown = await ops(['dead-letters', 'show', rejected?.messageId ?? ''])
		// Control characters do not reach the terminal.
		expect(shown.output).toMatch(/^body +swordfish$/m)

		const dry = await ops(['dead-letters', 'redrive', '--all', '--dry-run'])
		expect(dry.output).toContain(`would redrive ${dead?.messageId} to the request queue (NCP_LATER)`)
		expect(dry.output).toContain('Nothing was done. Would be redriven: 1 dead letter.')
		expect(await untilDead(2)).toHaveLength(2)

		isBusy = false
		const redriven = await ops(['dead-letters', 'redrive', '--all'])
		expect(redriven).toMatchObject({ code: 0 })
		expect(redriven.output).toContain('Back in their queues: 1 of 1 dead letter of the local cloud.')
		expect(redriven.output).toContain('Rejected ones that stay: 1.')
		// The export starts over, as a new one.
		const accepted = await outcomeOf('busy-0', 'accepted', BUSY)
		expect(accepted.data.exportId).not.toBe(exhausted.data.exportId)
		expect(await untilDead(1)).toMatchObject([{ messageId: rejected?.messageId, rejected: true }])

		const discarded = await ops(['dead-letters', 'discard', '--rejected'])
		expect(discarded.output).toBe('Deleted: 1 of 1 dead letter of the local cloud.')
		expect((await ops(['dead-letters', 'list'])).output).toContain('There are no dead letters')
	})

	it('sends the event of a failed invocation to the request queue', async () => {
		const record = {
			version: '1.0',
			requestContext: { condition: 'RetriesExhausted' },
			requestPayload: {
				Records: [{ Sns: { Type: 'Notification', Message: JSON.stringify(request('busy-1', BUSY)) } }],
			},
			responsePayload: { errorType: 'ExportRetryable', errorMessage: 'busy' },
		}
		const { url } = cloud.pipelineDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(record) }))
		const listed = await ops(['dead-letters', 'list', '--queue', 'pipeline', '--json'])
		expect(listed.json()).toMatchObject([{ code: 'ExportRetryable', reason: 'busy', rejected: false }])
		expect(await ops(['dead-letters', 'redrive', '--all', '--queue', 'pipeline'])).toMatchObject({ code: 0 })
		await outcomeOf('busy-1', 'accepted', BUSY)
		expect(await countOf(url)).toBe(0)
	})

	it('sends an arrival check back to its own queue, and reports an unknown message id', async () => {
		const { url } = cloud.arrivalDeadLetterQueue
		const MessageBody = JSON.stringify({ exportKey: 'gone', exportId: 'gone', check: 0 })
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody }))
		const [letter] = (await ops(['dead-letters', 'list', '--queue', 'arrivals', '--json'])).json() as {
			messageId: string
		}[]
		const { code, errors } = await ops(['dead-letters', 'redrive', letter?.messageId ?? '', 'm-0'])
		expect(errors).toContain('m-0: there is no such dead letter')
		expect(code).toBe(1)
		expect(await countOf(url)).toBe(0)
	})
})

describe('ops dead-letters, when things go wrong', () => {
	const { promise: filled, resolve } = Promise.withResolvers<void>()
	const bury = async (MessageBody: string, attributes: Record<string, string> = {}) => {
		const MessageAttributes = Object.fromEntries(
			Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
		)
		const { url: QueueUrl } = cloud.deadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }))
	}
	const visible = () => countOf(cloud.deadLetterQueue.url)

	beforeAll(async () => {
		for (const file of FILES) await bury(JSON.stringify(request(file)))
		resolve()
	})

	it('hides no more messages than it shows, and releases them afterwards', async () => {
		await filled
		const { json } = await ops(['dead-letters', 'list', '--queue', 'requests', '--limit', '12', '--json'])
		expect(json()).toHaveLength(12)
		expect(await visible()).toBe(FILES.length)
	})

	it('releases them when its output is closed', async () => {
		const { child, exit } = startCommand(
			'tools/ops/main.ts',
			['dead-letters', 'list', '--json'],
			environment(),
		)
		child.stdout.destroy()
		await exit
		expect(await visible()).toBe(FILES.length)
	})

	it('lists them when the table does not answer', async () => {
		await writeConnection('no-table.json', { ...cloud.connection, tableEndpoint: 'http://127.0.0.1:1' })
		const { code, json } = await runCommand(
			'tools/ops/main.ts',
			['dead-letters', 'list', '--limit', '2', '--json'],
			{
				env: environment('no-table.json'),
			},
		)
		expect(code).toBe(0)
		expect(json()).toMatchObject(Array(2).fill({ reason: expect.stringContaining('refused the connection') }))
		expect(await visible()).toBe(FILES.length)
	})

	it('reports that another command is reading them, instead of "there are none"', async () => {
		const { Messages = [] } = await cloud.aws.sqs.send(
			new ReceiveMessageCommand({ QueueUrl: cloud.arrivalDeadLetterQueue.url, VisibilityTimeout: 60 }),
		)
		expect(Messages).toEqual([])
		const { url: QueueUrl } = cloud.arrivalDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))
		const taken = await cloud.aws.sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 60 }))
		const { code, errors } = await ops(['dead-letters', 'redrive', '--all', '--queue', 'arrivals'])
		expect(errors).toContain('Another command is reading 1 dead letter:')
		expect(code).toBe(1)
		const ReceiptHandle = taken.Messages?.[0]?.ReceiptHandle
		await cloud.aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
	})

	it('redrives all of them with their trace, even one whose sender set errorCode itself', async () => {
		await bury(JSON.stringify(request('busy-2', BUSY)), { traceparent: TRACE, errorCode: 'MINE' })
		const { output } = await ops(['dead-letters', 'redrive', '--all', '--queue', 'requests'])
		expect(output).toBe('Back in their queues: 26 of 26 dead letters of the local cloud.')
		expect((await outcomeOf('busy-2', 'accepted', BUSY)).traceparent).toBe(TRACE)
		expect(await visible()).toBe(0)
	})

	it('leaves a message that is not the record of an invocation in its queue', async () => {
		const { url: QueueUrl } = cloud.pipelineDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"version":"1.0"}' }))
		const all = await ops(['dead-letters', 'redrive', '--all', '--queue', 'pipeline'])
		expect(all).toMatchObject({ code: 0, output: expect.stringContaining('Rejected ones that stay: 1.') })
		const [letter] = (await ops(['dead-letters', 'list', '--queue', 'pipeline', '--json'])).json() as {
			messageId: string
		}[]
		const named = await ops(['dead-letters', 'redrive', letter?.messageId ?? ''])
		expect(named).toMatchObject({
			code: 1,
			errors: expect.stringContaining('does not hold the event'),
		})
		expect(await ops(['dead-letters', 'discard', letter?.messageId ?? ''])).toMatchObject({ code: 0 })
	})
})

describe('ops dead-letters, when one queue cannot be read', () => {
	const list = async (...options: string[]) => {
		const { deadLetterQueueUrl } = cloud.connection
		await writeConnection('one.json', {
			...cloud.connection,
			deadLetterQueueUrl: `${deadLetterQueueUrl}-other`,
		})
		const env = environment('one.json')
		return runCommand('tools/ops/main.ts', ['dead-letters', 'list', '--json', ...options], { env })
	}
	const REASON =
		'The dead letters of requests cannot be read: the queue export-requests-dead-other does not exist: check stage and region, or deploy the stack again\n'

	it('lists the others, reports which queue and why, and ends with code 1', async () => {
		const { url: QueueUrl } = cloud.arrivalDeadLetterQueue
		await cloud.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))
		const { code, json, errors } = await list()
		expect(json()).toMatchObject([{ queue: 'arrivals', code: 'REQUEST_UNREADABLE' }])
		expect(errors).toBe(REASON)
		expect(code).toBe(1)
	})

	it('lists the others under a limit, too', async () => {
		const { code, json, errors } = await list('--limit', '1')
		expect(json()).toMatchObject([{ queue: 'arrivals' }])
		expect(errors).toContain(REASON)
		expect(code).toBe(1)
		expect(await ops(['dead-letters', 'discard', '--rejected'])).toMatchObject({ code: 0 })
	})
})

describe('ops send, to a queue that takes only part of a batch', () => {
	it('retries the requests that were not accepted, and reports those that never were', async () => {
		const requests: { Entries: { Id: string; MessageBody: string }[] }[] = []
		const server = createServer((incoming, response) => {
			let body = ''
			incoming.on('data', (chunk) => {
				body += chunk
			})
			incoming.on('end', () => {
				const { Entries } = JSON.parse(body) as (typeof requests)[number]
				requests.push({ Entries })
				const isBad = ({ MessageBody }: { MessageBody: string }) => MessageBody.includes('never')
				const isLate = (entry: { MessageBody: string }) =>
					requests.length === 1 && entry.MessageBody.includes('late')
				const failed = Entries.filter((entry) => isBad(entry) || isLate(entry))
				response.setHeader('content-type', 'application/x-amz-json-1.0')
				response.end(
					JSON.stringify({
						Successful: Entries.filter((entry) => !failed.includes(entry)).map(({ Id, MessageBody }) => ({
							Id,
							MessageId: `m-${Id}`,
							MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
						})),
						Failed: failed.map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false })),
					}),
				)
			})
		})
		const endpoint = await listen(server)
		await writeConnection('partial.json', { ...cloud.connection, endpoint, requestQueueUrl: `${endpoint}/q` })
		const input = ['now', 'late', 'never'].map((name) => JSON.stringify(request(name))).join('\n')
		const { code, json } = await runCommand('tools/ops/main.ts', ['send', '--from', '-', '--json'], {
			env: environment('partial.json'),
			input,
		})
		await close(server)
		expect(json()).toMatchObject([
			{ messageId: 'm-0', reason: null },
			{ messageId: 'm-1', reason: null },
			{ messageId: null, reason: 'InternalError' },
		])
		expect(requests.map(({ Entries }) => Entries.map(({ Id }) => Id))).toEqual([
			['0', '1', '2'],
			['1', '2'],
			['2'],
		])
		expect(code).toBe(1)
	})
})

describe('ops forget', () => {
	it('stops reporting the freshness of an instance', async () => {
		const completions = createCompletions(cloud.table.items, cloud.table.tableName)
		await completions.record({ instance: 'KR/1234925', atMs: Date.now() })
		const { code, output } = await ops(['forget', 'KR/1234925'])
		expect(output).toBe('The freshness of KR/1234925 is no longer reported.')
		expect(code).toBe(0)
		expect(await ops(['forget', 'KR/1234925'])).toMatchObject({ code: 1 })
		await completions.record({ instance: 'mysql/-/12', atMs: Date.now() })
		expect(await ops(['forget', 'mysql/default/12'])).toMatchObject({ code: 0 })
	})
})

describe('without a local cloud', () => {
	it('prints how to start one', async () => {
		const { code, errors } = await runCommand('tools/ops/main.ts', ['doctor'], {
			env: environment('none.json'),
		})
		expect(errors).toContain('No local cloud is running: start one with "npm start"')
		expect(code).toBe(1)
	})

	it('reports which queue cannot be read when the local cloud has stopped', async () => {
		await writeConnection('gone.json', { ...cloud.connection, endpoint: 'http://127.0.0.1:1' })
		const { code, errors } = await runCommand('tools/ops/main.ts', ['dead-letters', 'list'], {
			env: environment('gone.json'),
		})
		expect(errors).toContain('the queue export-requests-dead refused the connection')
		expect(code).toBe(1)
	})
})

describe('a deployed stage', () => {
	it('is found by the outputs of its stack, with the key pair from its secret', async () => {
		const { region, endpoint, tableEndpoint } = cloud.connection
		const outputs = toOutputs({ ...cloud.connection, credentialsSecretId: 'ncp/backup-exporter' })
		const apis = await startAwsApis()
		// AWS_ENDPOINT_URL_SQS wins over the host in a queue URL.
		for (const name of Object.keys(outputs).filter((each) => each.endsWith('QueueUrl')))
			outputs[name] = outputs[name]?.replace(endpoint, 'http://queues.invalid') ?? ''
		apis.outputs = outputs
		const secrets = await startEmbeddedSecrets()
		secrets.put('ncp/backup-exporter', JSON.stringify({ ...LOCAL_KEYS, webhookSecrets: [] }))
		const env = {
			...cloud.aws.env,
			...apis.env,
			...environment('none.json'),
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
			AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint,
		}
		const { code, output, errors } = await runCommand(
			'tools/ops/main.ts',
			['doctor', '--stage', 'prod', '--region', region, '--bucket', 'my-bucket'],
			{ env },
		)
		const coverage = await runCommand(
			'tools/ops/main.ts',
			[
				...['coverage', '--stage', 'prod', '--region', region, '--json'],
				...['--instance', BUSY, '--bucket', 'my-bucket', '--folder', 'stage/{instanceNo}'],
			],
			{ env },
		)
		const unknown = await runCommand('tools/ops/main.ts', ['doctor', '--stage', 'test'], { env })
		secrets.put('ncp/backup-exporter', '{"accessKey":"A"}')
		const malformed = await runCommand(
			'tools/ops/main.ts',
			['doctor', '--stage', 'prod', '--region', region],
			{ env },
		)
		await apis.stop()
		await secrets.stop()
		expect(output).toContain(`Checking stage prod in ${region}`)
		expect(output).toMatch(/ok {7}request queue/)
		// The SDK's own warnings would appear here.
		expect(errors).toBe('')
		expect(output).toMatch(/ok {7}NCP: .* accepts the key pair/)
		// The emulated table has no TTL; a deployed table must have one.
		expect(output).toMatch(/warning {2}table of exports: the table exports has no TTL/)
		expect(output).toMatch(/FAILED {3}webhook secrets: the secret has no webhookSecrets/)
		expect(code).toBe(1)
		expect(coverage.json()).toMatchObject([
			{
				instanceNo: BUSY,
				folderPath: `stage/${BUSY}/`,
				counts: { due: 1 + FILES.length + BUSY_FILES.length },
			},
		])
		expect([coverage.code, coverage.errors]).toEqual([1, ''])
		expect(unknown.output).toContain('the stack ncp-backup-exporter-test does not exist in ap-northeast-2')
		expect(unknown.code).toBe(1)
		expect(malformed.output).toMatch(
			/FAILED {3}secret: the secret ncp\/backup-exporter must be \{ "accessKey"/,
		)
	})
})
