import type { SQSRecord } from 'aws-lambda'
import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { toBatchResponse } from '../../lib/queue/batch-response.ts'

const records = ['a', 'b', 'c', 'd'].map((messageId) => ({ messageId }) as SQSRecord)

it('names just the records whose work rejected, and what nobody foresaw', async () => {
	const results = await Promise.allSettled([
		Promise.resolve(),
		Promise.reject(new ExportError('NCP_LATER', 'busy')),
		Promise.reject(new TypeError('with a body')),
		Promise.reject('a text'),
	])
	const unforeseen: string[] = []
	expect(toBatchResponse(records, results, (name) => unforeseen.push(name))).toEqual({
		batchItemFailures: [{ itemIdentifier: 'b' }, { itemIdentifier: 'c' }, { itemIdentifier: 'd' }],
	})
	expect(unforeseen).toEqual(['TypeError', 'string'])
})
