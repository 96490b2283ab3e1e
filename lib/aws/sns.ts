import { isRecord } from '../formats/json.ts'
import { parseXml } from '../formats/xml.ts'
import type { TopicMessage } from '../ports.ts'
import type { CallAws } from './call-aws.ts'

/** The result of each entry, by its index: null = published, otherwise SNS's error code, or a note that SNS did not mention it. */
export type PublishBatch = (entries: readonly TopicMessage[]) => Promise<readonly (string | null)[]>

/** PublishBatch of SNS, which only has the Query protocol. Throws `AwsError`. https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export function createPublishBatch(call: CallAws, topicArn: string): PublishBatch {
	const head = `Action=PublishBatch&Version=2010-03-31&TopicArn=${encodeURIComponent(topicArn)}`
	return async (entries) => {
		const body = [head, ...entries.map(toForm)].join('&')
		const text = await call({ 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, body)
		return readResults(text, entries.length)
	}
}

function toForm({ message, attributes }: TopicMessage, index: number): string {
	const at = `PublishBatchRequestEntries.member.${index + 1}`
	const fields = Object.entries(attributes).map(([name, value], attribute) => {
		const entry = `${at}.MessageAttributes.entry.${attribute + 1}`
		return `${entry}.Name=${encodeURIComponent(name)}&${entry}.Value.DataType=String&${entry}.Value.StringValue=${encodeURIComponent(value)}`
	})
	return [`${at}.Id=${index}&${at}.Message=${encodeURIComponent(message)}`, ...fields].join('&')
}

/** An entry counts as published only if SNS says so. */
function readResults(text: string, count: number): (string | null)[] {
	const results: (string | null)[] = Array(count).fill('SNS did not mention the entry')
	const answer = childOf(childOf(parseXml(text), 'PublishBatchResponse'), 'PublishBatchResult')
	for (const { Id, Code } of membersOf(answer, 'Failed')) set(results, Id, String(Code ?? 'without a code'))
	for (const { Id } of membersOf(answer, 'Successful')) set(results, Id, null)
	return results
}

/** Our ids are the indexes. An unknown id changes nothing. */
function set(results: (string | null)[], id: unknown, result: string | null): void {
	const index = results.findIndex((_result, each) => String(each) === id)
	if (index >= 0) results[index] = result
}

function membersOf(answer: unknown, name: string): Record<string, unknown>[] {
	return [childOf(childOf(answer, name), 'member')].flat().filter(isRecord)
}

function childOf(value: unknown, name: string): unknown {
	return isRecord(value) ? value[name] : undefined
}
