import type { SQSRecord } from 'aws-lambda'
import { expect, it } from 'vitest'
import { isRedriven } from '../../lib/request/message-attributes.ts'

const record = (attributes: object, messageAttributes: object): SQSRecord =>
	({ attributes, messageAttributes }) as unknown as SQSRecord

it('recognises a message redriven by SQS or by an operator, and no other', () => {
	expect(isRedriven(record({ DeadLetterQueueSourceArn: 'arn:q' }, {}))).toBe(true)
	expect(isRedriven(record({}, { redrivenFrom: { stringValue: 'm-1' } }))).toBe(true)
	expect(isRedriven(record({ ApproximateReceiveCount: '3' }, { traceparent: {} }))).toBe(false)
})
