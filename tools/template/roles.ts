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

export interface Statement {
	Effect: 'Allow'
	Action: readonly string[]
	Resource: unknown
}

const allow = (Resource: unknown, ...Action: string[]): Statement => ({ Effect: 'Allow', Action, Resource })

/** What every function does. docs/permissions.md names the code behind each action. */
const EVERY_FUNCTION = [
	allow(ref('ResultTopic'), 'sns:Publish'),
	allow(getAtt('ExportsTable'), 'dynamodb:GetItem'),
	// Secrets Manager adds six random characters to a secret's name.
	allow(
		sub(
			'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${param:secretId}-??????',
		),
		'secretsmanager:GetSecretValue',
	),
	// X-Ray's actions cannot be limited to a resource.
	allow('*', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'),
]

/** What the functions do that export, or end exports. */
const CHECKING = [
	...EVERY_FUNCTION,
	allow(getAtt('ExportsTable'), 'dynamodb:PutItem', 'dynamodb:UpdateItem'),
	allow(getAtt('ArrivalQueue'), 'sqs:SendMessage'),
]

/** What the functions do that export: they also give places in a bucket back. */
const EXPORTING = [...CHECKING, allow(getAtt('ExportsTable'), 'dynamodb:DeleteItem')]

/** What Lambda does under the function's role with the queue that feeds it. */
const takeFrom = (queue: string): Statement =>
	allow(getAtt(queue), 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes')

const OWN: Readonly<Record<FunctionName, readonly Statement[]>> = {
	'on-queue-message': [
		...EXPORTING,
		takeFrom('RequestQueue'),
		// Backs off, and sends a message again that was never attempted on its last receive.
		allow(getAtt('RequestQueue'), 'sqs:ChangeMessageVisibility', 'sqs:SendMessage'),
		allow(getAtt('DeadLetterQueue'), 'sqs:SendMessage'),
	],
	'on-http-request': [
		...EXPORTING,
		// For GET /exports/{exportId}.
		allow(sub('${ExportsTable.Arn}/index/exportId'), 'dynamodb:Query'),
		// For `Prefer: respond-async`, and for outcomes that could not be published.
		allow(getAtt('RequestQueue'), 'sqs:SendMessage'),
	],
	'on-pipeline-event': [
		...EXPORTING,
		// For { "exportId" }.
		allow(sub('${ExportsTable.Arn}/index/exportId'), 'dynamodb:Query'),
		// Lambda sends events there that failed three times.
		allow(getAtt('PipelineDeadLetterQueue'), 'sqs:SendMessage'),
	],
	'on-arrival-check': [
		...CHECKING,
		takeFrom('ArrivalQueue'),
		// For the freshness report, and to find rival exports.
		allow(sub('${ExportsTable.Arn}/index/exportId'), 'dynamodb:Query'),
	],
	'on-coverage-check': [
		...EVERY_FUNCTION,
		takeFrom('CoverageQueue'),
		// Sends a message for each instance of a sweep, and backs off.
		allow(getAtt('CoverageQueue'), 'sqs:SendMessage', 'sqs:ChangeMessageVisibility'),
		// Asks for the exports that are due.
		allow(getAtt('RequestQueue'), 'sqs:SendMessage'),
		// To find whose copy an object is.
		allow(sub('${ExportsTable.Arn}/index/exportId'), 'dynamodb:Query'),
	],
}

/** One role per function, limited to exact actions and resources. */
export const roles: Resources = Object.fromEntries(
	Object.entries(OWN).map(([name, statements]) => [
		`${toPascal(name)}Role`,
		toFunctionRole(name as FunctionName, statements),
	]),
)

function toFunctionRole(name: FunctionName, statements: readonly Statement[]): Resource {
	// The ARN that CloudFormation returns for a log group ends in ":*", which covers its streams.
	const log = allow(getAtt(oslsId(name, 'LogGroup')), 'logs:CreateLogStream', 'logs:PutLogEvents')
	return toRole(name, 'lambda.amazonaws.com', [log, ...statements])
}

/** A role that one AWS service may take on. */
export function toRole(name: string, service: string, statements: readonly Statement[]): Resource {
	return {
		Type: 'AWS::IAM::Role',
		Properties: {
			AssumeRolePolicyDocument: {
				Version: '2012-10-17',
				Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
			},
			Policies: [
				{
					PolicyName: `${PREFIX}-${name}`,
					PolicyDocument: { Version: '2012-10-17', Statement: statements },
				},
			],
		},
	}
}
