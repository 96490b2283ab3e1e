import { describe, expect, it } from 'vitest'
import { createPublishBatch } from '../../lib/aws/sns.ts'
import { AwsError } from '../../lib/aws-error.ts'

describe('createPublishBatch', () => {
	const publish = async (members: string, bodies: string[] = []) => {
		const send = createPublishBatch(async (_headers, body) => {
			bodies.push(body)
			return `<PublishBatchResponse><PublishBatchResult>${members}</PublishBatchResult></PublishBatchResponse>`
		}, 'arn:aws-cn:sns:cn-north-1:1:a&b')
		return send([{ message: 'a=1&b=2', attributes: { 'n&n': 'v=v&w' } }])
	}

	it.each(['', ' ', '0x0', '00', 'zz', '1'])('does not match the id %j to an entry', async (id) => {
		const results = await publish(`<Successful><member><Id>${id}</Id></member></Successful>`)
		expect(results).toEqual(['SNS did not mention the entry'])
	})

	it('sends every text unchanged', async () => {
		const bodies: string[] = []
		expect(await publish('<Successful><member><Id>0</Id></member></Successful>', bodies)).toEqual([null])
		const form = new URLSearchParams(bodies[0])
		expect([...form.values()]).toEqual([
			'PublishBatch',
			'2010-03-31',
			'arn:aws-cn:sns:cn-north-1:1:a&b',
			'0',
			'a=1&b=2',
			'n&n',
			'String',
			'v=v&w',
		])
	})

	it('reports a failure without a code', async () => {
		expect(await publish('<Failed><member><Id>0</Id></member></Failed>')).toEqual(['without a code'])
	})

	it('takes SNS’s word for each entry, whatever the order', async () => {
		const send = createPublishBatch(
			async () =>
				`<PublishBatchResponse><PublishBatchResult><Failed><member><Id>1</Id><Code>Throttled</Code></member></Failed><Successful><member><Id>2</Id></member><member><Id>0</Id></member></Successful></PublishBatchResult></PublishBatchResponse>`,
			'arn',
		)
		const entry = { message: 'm', attributes: {} }
		expect(await send([entry, entry, entry, entry])).toEqual([
			null,
			'Throttled',
			null,
			'SNS did not mention the entry',
		])
	})

	it('rejects with what the call throws', async () => {
		const error = new AwsError('NotFound')
		const send = createPublishBatch(() => Promise.reject(error), 'arn')
		await expect(send([{ message: 'm', attributes: {} }])).rejects.toBe(error)
	})
})
