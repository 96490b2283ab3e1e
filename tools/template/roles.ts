import type { FunctionName } from '../../lib/wiring/config.ts'
import {
	getAtt,
	oslsId,
	PREFIX,
	type Resource,
	type Resources,
	ref,
	sub,
	toPascal,
} from './cloudformation.ts'

interface Statement {
	Effect: 'Allow'
	Action: readonly string[]
	Resource: unknown
}

const allow = (Resource: unknown, ...Action: string[]): Statement => ({ Effect: 'Allow', Action, Resource })

/** What `lib/wiring/wire.ts` gives to every function. docs/permissions.md names the line behind each action. */
const EVERY_FUNCTION = [
	allow(ref('ResultTopic'), 'sns:Publish'),
	allow(getAtt('ExportsTable'), 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'),
	// Secrets Manager adds six random characters to a secret's name.
	allow(
		sub(
			'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${param:secretId}-??????',
		),
		'secretsmanager:GetSecretValue',
	),
	allow(getAtt('ArrivalQueue'), 'sqs:SendMessage'),
	// X-Ray has no resources to name.
	allow('*', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'),
]

/** What Lambda does in the function's name for a queue that feeds it. */
const takeFrom = (queue: string): Statement =>
	allow(getAtt(queue), 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes')

const OWN: Readonly<Record<FunctionName, readonly Statement[]>> = {
	'on-queue-message': [
		takeFrom('RequestQueue'),
		// Backs off; sends anew what had no chance on its last receive.
		allow(getAtt('RequestQueue'), 'sqs:ChangeMessageVisibility', 'sqs:SendMessage'),
		allow(getAtt('DeadLetterQueue'), 'sqs:SendMessage'),
	],
	'on-http-request': [
		// GET /exports/{exportId}.
		allow(sub('${ExportsTable.Arn}/index/exportId'), 'dynamodb:Query'),
		// The request of a caller who does not wait, and an outcome that could not be published.
		allow(getAtt('RequestQueue'), 'sqs:SendMessage'),
	],
	'on-pipeline-event': [
		// Lambda's own, for an event that failed three times.
		allow(getAtt('PipelineDeadLetterQueue'), 'sqs:SendMessage'),
	],
	'on-arrival-check': [takeFrom('ArrivalQueue')],
}

/** One role a function, by exact action and resource. */
export const roles: Resources = Object.fromEntries(
	Object.entries(OWN).map(([name, statements]) => [
		`${toPascal(name)}Role`,
		toRole(name as FunctionName, [...EVERY_FUNCTION, ...statements]),
	]),
)

function toRole(name: FunctionName, statements: readonly Statement[]): Resource {
	// The log group's own ARN ends in ":*", which stands for its streams.
	const log = allow(getAtt(oslsId(name, 'LogGroup')), 'logs:CreateLogStream', 'logs:PutLogEvents')
	return {
		Type: 'AWS::IAM::Role',
		Properties: {
			AssumeRolePolicyDocument: {
				Version: '2012-10-17',
				Statement: [
					{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
				],
			},
			Policies: [
				{
					PolicyName: `${PREFIX}-${name}`,
					PolicyDocument: { Version: '2012-10-17', Statement: [log, ...statements] },
				},
			],
		},
	}
}
