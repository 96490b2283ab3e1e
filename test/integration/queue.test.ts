import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import { takeOutcomes } from './outcomes.ts'

let cloud: Cloud | undefined
const lines: string[] = []
afterEach(async () => {
	await cloud?.stop()
	cloud = undefined
	lines.length = 0
})

async function start(options: CloudOptions = {}): Promise<Cloud> {
	cloud = await startCloud({ maxBackOffSeconds: 1, onLine: (line) => lines.push(line), ...options })
	return cloud
}

const request = (changes: object = {}) => ({
	cloudPostgresqlInstanceNo: '1234925',
	fileName: '20210528',
	bucketName: 'my-bucket',
	...changes,
})

async function send({ aws, requestQueue }: Cloud, body: unknown, traceparent?: string) {
	const { MessageId } = await aws.sqs.send(
		new SendMessageCommand({
			QueueUrl: requestQueue.url,
			MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
			...(traceparent
				? { MessageAttributes: { traceparent: { DataType: 'String', StringValue: traceparent } } }
				: {}),
		}),
	)
	return MessageId
}

async function depthOf({ aws, requestQueue }: Cloud): Promise<number> {
	const { Attributes = {} } = await aws.sqs.send(
		new GetQueueAttributesCommand({ QueueUrl: requestQueue.url, AttributeNames: ['All'] }),
	)
	return (
		Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
	)
}

describe('a message on the queue', () => {
	it('becomes an export and an accepted outcome that names its trigger and trace', async () => {
		const { aws, outcomeQueue, ncp } = await start()
		const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
		const id = await send(cloud as Cloud, request(), trace)
		const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
		expect(event).toMatchObject({
			source: '/ncp/vpostgresql/KR/1234925',
			traceparent: trace,
			data: { state: 'accepted', trigger: { kind: 'queue', id }, reply: { returnCode: '0' } },
		})
		expect(ncp?.performed).toMatchObject([{ fileName: '20210528' }])
	})

	it.each([
		['later', 'throttle'],
		['later', 'busy'],
		['later', 'unavailable'],
	] as const)(
		'stays in the queue while NCP says %s (%s), and is exported once it does not',
		async (_kind, fault) => {
			const { aws, outcomeQueue, ncp } = await start({
				simulator: { fault: ({ nth }) => (nth < 3 ? fault : undefined) },
			})
			await send(cloud as Cloud, request())
			const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
			expect(event?.data.state).toBe('accepted')
			expect(ncp?.performed).toHaveLength(1)
			expect(ncp?.calls()).toBe(3)
		},
	)

	it('stays in the queue while NCP does not accept the key pair', async () => {
		const { ncp, requestQueue, aws } = await start({ simulator: { keys: new Map() }, maxBackOffSeconds: 30 })
		await send(cloud as Cloud, request())
		// A rejected request is sent after it: its outcome shows that the first message was handled.
		await send(cloud as Cloud, 'noise')
		await takeOutcomes(aws.sqs, (cloud as Cloud).outcomeQueue.url, 1)
		expect(ncp?.calls()).toBe(1)
		expect(await depthOf(cloud as Cloud)).toBeGreaterThanOrEqual(1)
		expect(lines.join()).toContain('NCP_CREDENTIALS')
		expect(requestQueue.url).toContain('127.0.0.1')
	})

	it.each(['perform-then-hang', 'hang', 'cut', 'reset', 'fail'] as const)(
		'is unknown, and not sent again, when NCP is told to %s',
		async (fault) => {
			const { aws, outcomeQueue, ncp } = await start({
				simulator: { fault: () => fault },
				env: { NCP_TIMEOUT_MS: '300' },
			})
			await send(cloud as Cloud, request())
			const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
			expect(event?.data).toMatchObject({ state: 'unknown', error: { code: 'NCP_UNKNOWN' } })
			await send(cloud as Cloud, 'noise')
			await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
			expect(ncp?.calls()).toBe(1)
		},
	)

	it.each([
		['malformed JSON', '{"fileName":', 'body is not JSON'],
		['wrong types', JSON.stringify(request({ fileName: 20210528 })), 'fileName must be a string'],
		[
			'an unknown field',
			JSON.stringify(request({ filename: 'x' })),
			'filename is unknown; did you mean "fileName"?',
		],
		['256 KiB of noise', '\u00ff~'.repeat(80 * 1024), 'body is not JSON'],
		[
			'an SNS message that is not JSON',
			JSON.stringify({ Type: 'Notification', Message: 'hello' }),
			'Message is not JSON',
		],
	])('is rejected with a reason, and removed from the queue: %s', async (_name, body, message) => {
		const { aws, outcomeQueue, ncp } = await start()
		const id = await send(cloud as Cloud, body)
		const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
		expect(event).toMatchObject({ id: `${id}/rejected`, data: { state: 'rejected', exportId: null } })
		expect(event?.data.error?.message).toContain(message)
		expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(200 * 1024)
		expect(ncp?.calls()).toBe(0)
	})

	it.each([
		['10 MiB', `<r>${'x'.repeat(10 * 1024 * 1024)}</r>`],
		[
			'an entity bomb',
			'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r><returnCode>0</returnCode><returnMessage>&b;</returnMessage></r>',
		],
	])('is unknown when NCP answers 200 with %s', async (_name, body) => {
		const { aws, outcomeQueue } = await start({
			simulator: { fault: () => ({ httpStatus: 200, contentType: 'application/xml', body }) },
		})
		await send(cloud as Cloud, request())
		const [event] = await takeOutcomes(aws.sqs, outcomeQueue.url, 1)
		expect(event?.data.state).toBe('unknown')
	})
})

describe('a batch', () => {
	const record = (messageId: string, body: unknown) => ({
		messageId,
		body: JSON.stringify(body),
		attributes: {},
		messageAttributes: {},
	})
	const many = new Map(
		Array.from({ length: 10 }, (_, n) => [
			`100${n}`,
			{ regionCode: 'KR', backups: new Set(['a', 'b', 'c', 'd']) },
		]),
	)

	it('returns only the ids to deliver again, whatever else is in it', async () => {
		const { functions } = await start({
			simulator: {
				instances: many,
				fault: ({ instanceNo: no }) =>
					no === '1001' ? 'busy' : no === '1002' ? 'throttle' : no === '1003' ? 'cut' : undefined,
			},
		})
		const result = await functions['on-queue-message'].invoke({
			Records: [
				record('accepted', request({ cloudPostgresqlInstanceNo: '1000', fileName: 'a' })),
				record('busy', request({ cloudPostgresqlInstanceNo: '1001', fileName: 'b' })),
				record('throttled', request({ cloudPostgresqlInstanceNo: '1002', fileName: 'c' })),
				record('unknown', request({ cloudPostgresqlInstanceNo: '1003', fileName: 'd' })),
				record('refused', request({ cloudPostgresqlInstanceNo: '9', fileName: 'e' })),
				record('rejected', { a: 1 }),
			],
		})
		expect(result).toEqual({
			ok: true,
			value: { batchItemFailures: [{ itemIdentifier: 'busy' }, { itemIdentifier: 'throttled' }] },
		})
	})

	it('runs database instances concurrently, and each instance in order', async () => {
		const open = new Map<string, number>()
		let most = 0
		const order: string[] = []
		const { functions, ncp } = await start({
			simulator: {
				instances: many,
				fault: ({ instanceNo: no, fileName }) => {
					if (no === '1000') order.push(fileName)
					open.set(no, (open.get(no) ?? 0) + 1)
					most = Math.max(most, open.size)
					return undefined
				},
			},
		})
		const Records = ['a', 'b', 'c'].flatMap((fileName) =>
			['1000', '1001', '1002'].map((no) =>
				record(`${no}${fileName}`, request({ cloudPostgresqlInstanceNo: no, folderPath: no, fileName })),
			),
		)
		await functions['on-queue-message'].invoke({ Records })
		expect(order).toEqual(['a', 'b', 'c'])
		expect(ncp?.performed).toHaveLength(9)
		// The first file of every instance reaches NCP before any third file, so the instances did not wait for each other.
		const names = ncp?.performed.map(({ fileName }) => fileName) ?? []
		expect(names.lastIndexOf('a')).toBeLessThan(names.indexOf('c'))
	})
})

it('logs no key, secret, signature or header', async () => {
	const { aws, outcomeQueue } = await start()
	await send(cloud as Cloud, request())
	await send(cloud as Cloud, request({ cloudPostgresqlInstanceNo: '9', fileName: '20210601' }))
	await send(cloud as Cloud, 'noise')
	const events = await takeOutcomes(aws.sqs, outcomeQueue.url, 3)
	await cloud?.stop()
	cloud = undefined
	const said = JSON.stringify([lines, events])
	expect(lines.length).toBeGreaterThan(3)
	expect(said).not.toMatch(/LOCAL-ACCESS-KEY|local-secret-key|signature|x-ncp-apigw/i)
})
