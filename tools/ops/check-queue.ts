import { type EventSourceMappingConfiguration, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda'
import { GetQueueAttributesCommand, type QueueAttributeName } from '@aws-sdk/client-sqs'
import { parseRecord } from '../../lib/formats/json.ts'
import type { FunctionName } from '../../lib/wiring/config.ts'
import { count } from '../terminal/count.ts'
import { failed, ok, type Verdict, warning } from './finding.ts'
import type { Target } from './target.ts'

/** What is in a source queue, and whether its failed messages go to the dead-letter queue at `deadUrl`. */
export async function checkQueue(url: string, deadUrl: string, target: Target): Promise<Verdict> {
	const attributes = await readAttributes(url, ['All'], target)
	const waiting = Number(attributes.ApproximateNumberOfMessages)
	const hidden = Number(attributes.ApproximateNumberOfMessagesNotVisible)
	if (!attributes.RedrivePolicy)
		return warning('it has no dead-letter queue: failing messages are retried until they expire')
	const dead = String(parseRecord(attributes.RedrivePolicy)?.deadLetterTargetArn)
	if (!isArnOf(dead, deadUrl))
		return failed(
			`its failed messages go to ${nameOf(dead)}, not to ${nameOf(deadUrl)}, where dead-letters and alarms look for them: deploy the stack again`,
		)
	return ok(`${waiting} waiting, ${hidden} in progress or backing off`)
}

export async function checkDead(url: string, target: Target): Promise<Verdict> {
	const { ApproximateNumberOfMessages } = await readAttributes(url, ['ApproximateNumberOfMessages'], target)
	const messages = Number(ApproximateNumberOfMessages)
	return messages === 0
		? ok('empty')
		: warning(`${count(messages, 'message')}; see "npm run ops -- dead-letters list"`)
}

/** Whether Lambda delivers the messages of a queue to the function of the stack. */
export async function checkMapping(url: string, fn: FunctionName, target: Target): Promise<Verdict> {
	const FunctionName = `${target.stackName}-${fn}`
	const { EventSourceMappings = [] } = await target.lambda.send(
		new ListEventSourceMappingsCommand({ FunctionName }),
	)
	const mapping = EventSourceMappings.find(({ EventSourceArn = '' }) => isArnOf(EventSourceArn, url))
	return mapping === undefined
		? failed(`${FunctionName} does not read ${nameOf(url)}: deploy the stack again`)
		: judge(mapping, FunctionName)
}

/** States: https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html */
function judge(mapping: EventSourceMappingConfiguration, functionName: string): Verdict {
	const { State = 'unknown', LastProcessingResult = '', StateTransitionReason = '', UUID } = mapping
	if (State.startsWith('Disabl'))
		return failed(
			`${State} (${StateTransitionReason}): messages wait, and nothing is exported. When it may go on: aws lambda update-event-source-mapping --enabled --uuid ${UUID}`,
		)
	if (LastProcessingResult.startsWith('PROBLEM'))
		return failed(
			`Lambda says "${LastProcessingResult}": see the log and the role of ${functionName}, or deploy the stack again`,
		)
	return State === 'Enabled'
		? ok(`${functionName} receives the messages`)
		: warning(`${State}: check again in a minute`)
}

async function readAttributes(
	QueueUrl: string,
	AttributeNames: QueueAttributeName[],
	{ sqs }: Target,
): Promise<Partial<Record<QueueAttributeName, string>>> {
	const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))
	return Attributes
}

/** Both end with account and name: `arn:aws:sqs:region:123:name`, `https://sqs.region.amazonaws.com/123/name`. */
function isArnOf(arn: string, url: string): boolean {
	return arn.split(':').slice(-2).join('/') === url.split('/').slice(-2).join('/')
}

function nameOf(arnOrUrl: string): string {
	return arnOrUrl.split(/[:/]/).at(-1) ?? arnOrUrl
}
